"""A person's own cards, for applications of their own beside the pages (P4.2)."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.guards import actor_of
from core import clock
from core.api import ModelOut
from core.fields import choices_of
from core.plates import Colour
from monthlycard import selectors, services
from monthlycard.api.access import valid
from monthlycard.models import Card
from monthlycard.states import CardState


class CardIn(serializers.Serializer):
    plan = serializers.SlugField()
    plate = serializers.CharField(max_length=16)
    colour = serializers.ChoiceField([colour.value for colour in Colour])
    evidence = serializers.CharField(
        max_length=64, default="", help_text="SHA-256 of an uploaded photograph of the licence"
    )


class CardOut(ModelOut):
    plan: Any = serializers.SlugRelatedField("code", read_only=True)
    state: Any = serializers.SerializerMethodField()

    class Meta:
        model = Card
        fields = [
            "number",
            "plan",
            "plate_text",
            "plate_colour",
            "state",
            "applied_at",
            "valid_from",
            "valid_until",
            "quota_left",
        ]

    @extend_schema_field(serializers.ChoiceField(choices_of(CardState)))
    def get_state(self, card: Card) -> str:
        return card.state_at(clock.now()).value


@extend_schema_view(get=extend_schema(summary="Your monthly cards (P4.2)"))
class Cards(generics.ListAPIView):
    """A person's own cards, for applications of their own beside the pages (P4.2)."""

    serializer_class = CardOut
    filter_backends: list[Any] = []
    queryset = Card.objects.none()  # names the model for the schema

    def get_queryset(self) -> QuerySet[Card]:
        return selectors.cards_of(int(self.request.user.pk or 0))

    @extend_schema(
        request=CardIn, responses={201: CardOut}, summary="Apply for a monthly card (P4.2)"
    )
    def post(self, request: Request) -> Response:
        asked = valid(CardIn, request.data)
        card = services.apply(
            user_id=int(request.user.pk or 0),
            plan_code=asked["plan"],
            plate_text=asked["plate"],
            plate_colour=asked["colour"],
            evidence_sha=asked["evidence"],
            actor=actor_of(request),
        )
        return Response(CardOut(card).data, status=201)
