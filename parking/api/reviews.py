"""The review queue over the interface: for the operator, and a merchant's staff for their own."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.guards import actor_of, whole_plates
from core import audit, images, plates
from core.api import WHY, MaskedOut
from core.errors import Missing
from parking import selectors, services
from parking.api.access import LoggedIn, scope_of
from parking.models import PlateReading, ReviewItem, Sighting


class ReadingCandidateOut(serializers.Serializer):
    text = serializers.CharField(allow_blank=True)
    probability = serializers.FloatField()
    characters = serializers.ListField(
        child=serializers.FloatField(), help_text="the probability of each character"
    )


class ReviewOut(MaskedOut):
    """A question for a person, with the picture and what the reader thought.

    Plates are whole for who looks at the one question, to answer it; a list has them masked."""

    image_url = serializers.SerializerMethodField()
    candidates = serializers.SerializerMethodField()
    read_colour = serializers.SerializerMethodField()
    berth = serializers.SerializerMethodField()

    class Meta:
        model = ReviewItem
        fields = [
            "id",
            "kind",
            "why",
            "state",
            "sighting_id",
            "stay_id",
            "opened_at",
            "verdict",
            "plate_text",
            "plate_colour",
            "settled_by",
            "settled_at",
            "berth",
            "image_url",
            "candidates",
            "read_colour",
        ]

    def get_image_url(self, item: ReviewItem) -> str:
        """What the camera sent, for whoever asked; opening it is noted."""
        if not item.sighting:
            return ""
        person_id = self.context["request"].user.pk
        why = f"question {item.pk}"
        return images.original_url(item.sighting.image_sha, person_id=person_id, why=why)

    @extend_schema_field(ReadingCandidateOut(many=True))
    def get_candidates(self, item: ReviewItem) -> list[dict[str, Any]]:
        reading = _reading(item)
        found = list(reading.candidates) if reading else []
        if self.context.get("whole_plates"):
            return found
        return [one | {"text": plates.masked(one["text"])} for one in found]

    def get_read_colour(self, item: ReviewItem) -> str:
        reading = _reading(item)
        return reading.colour if reading else ""

    def get_berth(self, item: ReviewItem) -> str:
        seen = item.stay or item.sighting
        return seen.berth.code if seen and seen.berth else ""


def _reading(item: ReviewItem) -> PlateReading | None:
    return getattr(item.sighting, "reading", None) if item.sighting else None


class SightingOut(MaskedOut):
    """A photograph, and which plate it shows; `state` says whether that is known yet."""

    berth = serializers.CharField(source="berth.code", default="")
    image_url = serializers.SerializerMethodField()

    class Meta:
        model = Sighting
        fields = [
            "id",
            "state",
            "occurred_at",
            "purpose",
            "berth",
            "stay_id",
            "plate_text",
            "plate_colour",
            "image_url",
        ]

    def get_image_url(self, sighting: Sighting) -> str:
        """A copy on which all faces and plates are covered, but this one where it is told whole;
        202 until it is made."""
        keeps = sighting.plate_text if self.context.get("whole_plates") else ""
        return images.url(sighting.image_sha, keeps=keeps)


LOOK, SETTLE = "view_reviewitem", "settle_reviewitem"


def _seen(request: Request, right: str) -> QuerySet[Sighting]:
    return selectors.sightings_of(scope_of(request, "see", right=right))


class SeenSighting(LoggedIn):
    """What was made of a photograph of the merchant's."""

    @extend_schema(responses=SightingOut, parameters=[WHY])
    def get(self, request: Request, pk: int) -> Response:
        row = _seen(request, "view_sighting").filter(pk=pk).first()
        if row is None:
            raise Missing()
        whole = whole_plates(request, "parking.sighting", right="parking.export_parkingsession")
        return Response(SightingOut(row, context={"whole_plates": whole}).data)


class DoubtIn(serializers.Serializer):
    sighting = serializers.IntegerField()


@extend_schema_view(get=extend_schema(parameters=[WHY]))
class Reviews(LoggedIn, generics.ListAPIView):
    """Open questions, oldest first; staff may add one about a photograph of theirs."""

    serializer_class = ReviewOut
    filter_backends: list[Any] = []
    queryset = ReviewItem.objects.none()

    def get_queryset(self) -> QuerySet[ReviewItem]:
        if getattr(self, "swagger_fake_view", False):
            return ReviewItem.objects.none()
        return selectors.open_reviews(scope_of(self.request, "settle_stay", right=LOOK))

    def get_serializer_context(self) -> dict[str, Any]:
        known = super().get_serializer_context()
        if not isinstance(self.request, Request):  # the document of the interfaces is being made
            return known
        right = "parking.export_parkingsession"
        whole = whole_plates(self.request, "parking.reviewitem", right=right)
        return {**known, "whole_plates": whole}

    @extend_schema(request=DoubtIn, responses={201: ReviewOut})
    def post(self, request: Request) -> Response:
        """The plate of this photograph was read wrongly: a person shall look."""
        sightings = _seen(request, SETTLE)
        given = DoubtIn(data=request.data)
        given.is_valid(raise_exception=True)
        sighting_id = given.validated_data["sighting"]
        if not sightings.filter(pk=sighting_id).exists():
            raise Missing()
        item = services.doubt_plate(sighting_id=sighting_id, actor=actor_of(request))
        return Response(ReviewOut(item, context={"request": request}).data, status=201)


def _one(request: Request, pk: int, right: str) -> ReviewItem:
    scope = scope_of(request, "settle_stay", right=right)
    item = selectors.reviews_for(scope).filter(pk=pk).first()
    if item is None:
        raise Missing()
    return item


class Review(LoggedIn):
    """One question."""

    @extend_schema(responses=ReviewOut)
    def get(self, request: Request, pk: int) -> Response:
        item = _one(request, pk, LOOK)
        audit.record(
            request.user,  # type: ignore[arg-type]
            "plates seen whole",
            actor=actor_of(request),
            reason=f"question {item.pk}",
            list="parking.reviewitem",
        )
        return _told(request, item)


def _told(request: Request, item: ReviewItem) -> Response:
    """One question, to who answers it."""
    return Response(ReviewOut(item, context={"request": request, "whole_plates": True}).data)


class SettleIn(serializers.Serializer):
    verdict = serializers.ChoiceField(choices=["plate", "unreadable", "keep"])
    plate = serializers.CharField(max_length=20, required=False, allow_blank=True, default="")
    colour = serializers.CharField(max_length=16, required=False, allow_blank=True, default="")


class Settle(LoggedIn):
    """A person's verdict: the plate, unreadable, or keep the stay as it is."""

    by_two = True

    @extend_schema(request=SettleIn, responses=ReviewOut)
    def post(self, request: Request, pk: int) -> Response:
        item = _one(request, pk, SETTLE)
        given = SettleIn(data=request.data)
        given.is_valid(raise_exception=True)
        services.settle_review(
            item_id=item.pk,
            verdict=given.validated_data["verdict"],
            plate_text=given.validated_data["plate"],
            plate_colour=given.validated_data["colour"],
            actor=actor_of(request),
        )
        return _told(request, _one(request, pk, SETTLE))


class Undo(LoggedIn):
    """Take a verdict back within ten minutes."""

    @extend_schema(request=None, responses=ReviewOut)
    def post(self, request: Request, pk: int) -> Response:
        item = _one(request, pk, SETTLE)
        services.undo_review(item_id=item.pk, actor=actor_of(request))
        return _told(request, _one(request, pk, SETTLE))
