"""A person's own cards, for applications of their own beside the pages (P4.2)."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.guards import actor_of
from core import clock, images, links
from core.api import ModelOut
from core.errors import Missing
from core.fields import choices_of
from core.plates import Colour
from monthlycard import selectors, services
from monthlycard.api.access import valid
from monthlycard.errors import CardMissing
from monthlycard.models import Card
from monthlycard.states import CardState

LICENCE = "monthlycard.licence"
LICENCE_LIVES_S = 24 * 3600


class CardIn(serializers.Serializer):
    plan = serializers.SlugField()
    plate = serializers.CharField(max_length=16)
    colour = serializers.ChoiceField([colour.value for colour in Colour])
    evidence = serializers.CharField(
        max_length=400,
        default="",
        help_text="what `licences/` answered to your photograph of the licence",
    )


class LicenceIn(serializers.Serializer):
    photograph = serializers.FileField()


class LicenceOut(serializers.Serializer):
    evidence = serializers.CharField(help_text="for an application of yours, within a day")


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
            evidence_sha=_sent(request, asked["evidence"]) if asked["evidence"] else "",
            actor=actor_of(request),
        )
        return Response(CardOut(card).data, status=201)


class Licences(APIView):
    """Where an applicant sends the vehicle licence; nobody else's photograph is taken for it."""

    parser_classes = [MultiPartParser]

    @extend_schema(
        request=LicenceIn,
        responses={201: LicenceOut},
        summary="Send the photograph of a vehicle licence, before applying (P4.2)",
    )
    def post(self, request: Request) -> Response:
        sha256 = _keep(request)
        token = links.sign(LICENCE, sha256=sha256, user=request.user.pk)
        return Response({"evidence": token}, status=201)


class CardLicence(APIView):
    """The licence for an application that came without it."""

    parser_classes = [MultiPartParser]

    @extend_schema(
        request=LicenceIn,
        responses={200: CardOut},
        summary="Send the vehicle licence for your application (P4.2)",
    )
    def post(self, request: Request, number: str) -> Response:
        card = selectors.cards_of(int(request.user.pk or 0)).filter(number=number).first()
        if card is None:
            raise CardMissing()
        services.send_licence(card_id=card.pk, evidence_sha=_keep(request), actor=actor_of(request))
        return Response(CardOut(card).data)


class WhoseIn(serializers.Serializer[dict[str, Any]]):
    mine = serializers.BooleanField(help_text="whether it was the vehicle of the card")


class WhoseOut(serializers.Serializer[dict[str, Any]]):
    answered = serializers.BooleanField(help_text="false where no question was open")


class Whose(APIView):
    """Whose vehicle a visit in question was, said by the card's holder (P4.12)."""

    @extend_schema(
        request=WhoseIn,
        responses={200: WhoseOut},
        summary="Say whether a visit in question was your vehicle (P4.12)",
    )
    def post(self, request: Request, deduction_id: int) -> Response:
        mine = selectors.cards_of(int(request.user.pk or 0)).values_list("pk", flat=True)
        if not selectors.deductions_of(mine).filter(pk=deduction_id).exists():
            raise Missing()
        answered = services.say_whose_visit(
            deduction_id=deduction_id,
            mine=valid(WhoseIn, request.data)["mine"],
            actor=actor_of(request),
        )
        return Response({"answered": answered})


def _keep(request: Request) -> str:
    return images.keep_upload(valid(LicenceIn, request.data)["photograph"], by=actor_of(request))


def _sent(request: Request, evidence: str) -> str:
    """The photograph that this person has sent. Raises Missing for any other."""
    data = links.read(LICENCE, evidence, max_age_s=LICENCE_LIVES_S)
    if data["user"] != request.user.pk:
        raise Missing("no_image")
    return str(data["sha256"])
