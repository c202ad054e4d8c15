"""Interfaces: a merchant's debts and notices, an owner's dues and decisions."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, mixins, serializers, viewsets
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import guards
from accounts import selectors as accounts
from arrears import selectors, services
from arrears.filters import DebtFilter
from arrears.models import Debt, Dispute, RecoveryNotice
from arrears.rules.vehicle import holds
from arrears.states import AssessmentState, ContactState, PlanState
from core.api import WHY, BillLineOut, MaskedOut, ModelOut
from core.errors import Missing
from core.fields import choices_of
from core.idempotency import once
from parking import selectors as parking


class DebtOut(MaskedOut):
    plate = serializers.CharField(
        source="plate_text", help_text="masked, unless `why` says what whole plates are for"
    )
    colour = serializers.CharField(source="plate_colour")
    section = serializers.CharField(source="section.name")
    berth = serializers.CharField(source="stay.berth.code")
    stay_id = serializers.IntegerField()

    class Meta:
        model = Debt
        fields = [
            "id",
            "stay_id",
            "plate",
            "colour",
            "section",
            "berth",
            "amount_fen",
            "state",
            "opened_at",
            "demanded_at",
            "demanded_fen",
            "ended_at",
        ]
        extra_kwargs = {"amount_fen": {"label": _("amount (fen)")}}


def _whole(request: Any, what: str) -> dict[str, bool]:
    """Whether these rows name plates whole, for serializers."""
    if not isinstance(request, Request):  # the document of the interfaces is being made
        return {}
    return {"whole_plates": guards.whole_plates(request, what)}


class WaiveIn(serializers.Serializer):
    reason = serializers.CharField(max_length=300)


@extend_schema_view(
    list=extend_schema(operation_id="arrears_debts", parameters=[WHY]),
    retrieve=extend_schema(parameters=[WHY]),
)
class DebtViews(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """One merchant's debts; another's are not there."""

    by_two = True

    permission_classes = [IsAuthenticated]
    serializer_class = DebtOut
    filterset_class = DebtFilter
    queryset = Debt.objects.none()

    def get_queryset(self) -> QuerySet[Debt]:
        membership = guards.membership_for(self.request.user, "debts")
        return selectors.debts_of_merchant(membership.merchant_id)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), **_whole(self.request, "arrears.debt")}

    @extend_schema(request=WaiveIn, responses=DebtOut, operation_id="arrears_waive")
    def waive(self, request: Request, pk: int) -> Response:
        """Ask for it no more; `Idempotency-Key` makes a repetition harmless."""
        debt = self.get_object()
        guards.membership_for(request.user, "void_stay")
        body = WaiveIn(data=request.data)
        body.is_valid(raise_exception=True)
        reason = body.validated_data["reason"]

        def do() -> dict[str, Any]:
            services.waive_debt(debt_id=debt.pk, actor=guards.actor_of(request), reason=reason)
            debt.refresh_from_db()
            return dict(DebtOut(debt).data)

        key = request.headers.get("Idempotency-Key", "")
        answer = once(f"arrears.waive:{debt.pk}", key[:80], {"reason": reason}, do) if key else do()
        return Response(answer)


class RecoveryNoticeOut(MaskedOut):
    plate = serializers.CharField(
        source="plate_text", help_text="masked, unless `why` says what whole plates are for"
    )
    device = serializers.CharField(source="device.code", default=None, allow_null=True)

    class Meta:
        model = RecoveryNotice
        fields = [
            "id",
            "sighting_id",
            "plate",
            "device",
            "amount_fen",
            "state",
            "outcome",
            "made_at",
            "due_at",
            "told_at",
        ]
        extra_kwargs = {"amount_fen": {"label": _("amount (fen)")}}


@extend_schema_view(
    list=extend_schema(operation_id="arrears_notices", parameters=[WHY]),
    retrieve=extend_schema(parameters=[WHY]),
)
class NoticeViews(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """What one merchant's terminals were told, and what came of it (P3.4)."""

    permission_classes = [IsAuthenticated]
    serializer_class = RecoveryNoticeOut
    filterset_fields = ["state"]
    queryset = RecoveryNotice.objects.none()

    def get_queryset(self) -> QuerySet[RecoveryNotice]:
        membership = guards.membership_for(self.request.user, "debts")
        return selectors.notices_of_merchant(membership.merchant_id)

    def get_serializer_context(self) -> dict[str, Any]:
        return {
            **super().get_serializer_context(),
            **_whole(self.request, "arrears.notice"),
        }


class DueOut(serializers.Serializer):
    stay_id = serializers.IntegerField(source="stay.id")
    debt_id = serializers.IntegerField(allow_null=True)
    state = serializers.ChoiceField(
        ["window", "open", "disputed"], help_text="window: the time to pay is running"
    )
    amount_fen = serializers.IntegerField()
    raised_from_fen = serializers.IntegerField(
        allow_null=True, help_text="what was asked before the fee rose"
    )
    raised_why = serializers.CharField()
    pay_by = serializers.DateTimeField(allow_null=True)
    plate = serializers.CharField(source="stay.plate_text")
    section = serializers.CharField(source="stay.section_name")
    berth = serializers.CharField(source="stay.berth_code")
    arrived_at = serializers.DateTimeField(source="stay.arrived_at")
    left_at = serializers.DateTimeField(source="stay.left_at")
    lines = BillLineOut(many=True, source="stay.lines")


@extend_schema_view(get=extend_schema(operation_id="arrears_dues"))
class DuesView(generics.ListAPIView):
    """What the person who asks still has to pay, for the plates they have shown to hold."""

    permission_classes = [IsAuthenticated]
    serializer_class = DueOut
    filter_backends: list[Any] = []

    def get_queryset(self) -> Any:
        return selectors.dues_of(accounts.proven_plates_of(self.request.user))


class ObjectionIn(serializers.Serializer):
    stay_id = serializers.IntegerField()
    reason = serializers.ChoiceField(choices=Dispute.Reason.choices)
    text = serializers.CharField(required=False, allow_blank=True, max_length=2000)


class DisputeOut(ModelOut):
    class Meta:
        model = Dispute
        fields = ["id", "state", "reason", "text", "answer", "opened_at", "answer_by", "decided_at"]


def _own_stay(request: Request, stay_id: int) -> None:
    """Raises Missing unless the person who asks holds the plate of this stay."""
    stay = parking.stay(stay_id)
    own = accounts.proven_plates_of(request.user)
    if not holds(own, stay.plate_text, stay.plate_colour):
        raise Missing()


class ObjectView(APIView):
    """Object to one of one's own stays."""

    permission_classes = [IsAuthenticated]

    @extend_schema(request=ObjectionIn, responses=DisputeOut, operation_id="arrears_object")
    def post(self, request: Request) -> Response:
        body = ObjectionIn(data=request.data)
        body.is_valid(raise_exception=True)
        told = body.validated_data
        _own_stay(request, told["stay_id"])
        [dispute] = services.object(
            stay_ids=[told["stay_id"]],
            reason=told["reason"],
            text=told.get("text", ""),
            user_id=request.user.pk,
            actor=guards.actor_of(request),
        )
        return Response(DisputeOut(dispute).data)


class DecisionReasonOut(serializers.Serializer):
    text = serializers.CharField()
    raises = serializers.BooleanField()
    effect = serializers.CharField(help_text="the same in words")


class PlanContactOut(serializers.Serializer):
    at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    state = serializers.ChoiceField(choices_of(ContactState))
    outcome = serializers.CharField(allow_blank=True)


class DecisionPlanOut(serializers.Serializer):
    scheme = serializers.CharField()
    channel = serializers.CharField(help_text="in words")
    holdout = serializers.BooleanField()
    parts = serializers.ListField(child=serializers.CharField(), help_text="amounts in words")
    state = serializers.ChoiceField(choices_of(PlanState))
    contacts = PlanContactOut(many=True)


class DecisionOut(serializers.Serializer):
    stay_id = serializers.IntegerField()
    state = serializers.ChoiceField(choices_of(AssessmentState))
    at_risk = serializers.BooleanField(allow_null=True)
    percent = serializers.IntegerField(allow_null=True)
    threshold_percent = serializers.IntegerField(allow_null=True)
    reasons = DecisionReasonOut(many=True)
    as_of = serializers.DateTimeField()
    late = serializers.BooleanField()
    model = serializers.CharField()
    portrait_version = serializers.CharField()
    model_source = serializers.CharField()
    simulated = serializers.BooleanField()
    objected = serializers.BooleanField()
    payment_time_s = serializers.IntegerField(allow_null=True)
    plan = DecisionPlanOut(allow_null=True)


class DecisionView(APIView):
    """The automatic decision about one of one's own stays, with its reasons (P0.3)."""

    permission_classes = [IsAuthenticated]

    @extend_schema(responses=DecisionOut, operation_id="arrears_decision")
    def get(self, request: Request, stay_id: int) -> Response:
        _own_stay(request, stay_id)
        decision = selectors.decision_of(stay_id)
        if decision is None:
            raise Missing()
        return Response(DecisionOut(decision).data)
