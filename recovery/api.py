"""Interfaces of recovery: the merchant's, by session; the owner's, by the link on the lock."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import guards
from core import idempotency, images
from core.errors import Missing
from core.fields import choices_of
from devices import selectors as devices
from devices.states import LockPosition
from parking import selectors as parking
from payments import selectors as payments
from payments import services as payments_services
from recovery import selectors, services
from recovery.errors import NoPhotograph
from recovery.filters import RecoveryFilter
from recovery.models import RecoveryOrder
from recovery.states import MoveState, RecoveryState


class SecondLookIn(serializers.Serializer):
    typed = serializers.CharField(required=False, max_length=32)
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}$", required=False)


class LookingIn(serializers.Serializer):
    """A second look: the plate as a person types it, and a terminal's photograph of this berth by
    its hash, or one that comes with the request."""

    second_look = SecondLookIn()
    look_photograph = serializers.FileField(required=False)


class BindIn(LookingIn):
    plate_text = serializers.CharField(max_length=32)
    plate_colour = serializers.CharField(max_length=16, required=False, allow_blank=True)
    berth_code = serializers.CharField(max_length=20)
    device_code = serializers.CharField(max_length=40)


class RaiseIn(LookingIn):
    """Where the look that the order was bound by is older than ten minutes."""

    second_look = SecondLookIn(required=False)


class PhotographIn(serializers.Serializer):
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}$", required=False)
    photograph = serializers.FileField(required=False)


class LowerIn(serializers.Serializer):
    reason = serializers.CharField(max_length=200)


class SettlementOut(serializers.Serializer):
    payment_number = serializers.CharField()
    amount_fen = serializers.IntegerField()
    made_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField(allow_null=True)


class MoveOut(serializers.Serializer):
    state = serializers.ChoiceField(choices_of(MoveState))
    due_at = serializers.DateTimeField()
    reminders = serializers.IntegerField()
    alarm_at = serializers.DateTimeField(allow_null=True)
    confirmed_at = serializers.DateTimeField(allow_null=True)


class RecoveryOut(serializers.Serializer):
    """One recovery order, with its settlement order and move instruction where there are any."""

    id = serializers.IntegerField()
    code = serializers.CharField()
    token = serializers.CharField()
    state = serializers.ChoiceField(choices_of(RecoveryState))
    ended_by = serializers.ChoiceField(RecoveryOrder.End.choices, allow_blank=True)
    problem = serializers.CharField(allow_blank=True)
    lock_position = serializers.ChoiceField(choices_of(LockPosition), allow_blank=True)
    device_code = serializers.CharField(source="device.code")
    debt_ids = serializers.SerializerMethodField()
    settlement = SettlementOut(allow_null=True)
    move = MoveOut(allow_null=True)

    def get_debt_ids(self, order: RecoveryOrder) -> list[int]:
        return list(order.bound.order_by("debt_id").values_list("debt_id", flat=True))


class OwnerRecoveryOut(RecoveryOut):
    """What the owner is told of an order, by the link on the lock."""

    due_fen = serializers.SerializerMethodField()
    release_code_ready = serializers.SerializerMethodField(
        help_text="the lock does not answer: its code may be asked for"
    )

    def get_due_fen(self, order: RecoveryOrder) -> int:
        return sum(debt["amount_fen"] for debt in selectors.debts_of(order) if debt["live"])

    def get_release_code_ready(self, order: RecoveryOrder) -> bool:
        return selectors.release_code_ready(order)


class ReleaseCodeOut(serializers.Serializer):
    release_code = serializers.CharField(help_text="eight digits")


class PaymentOut(serializers.Serializer):
    """The order that pays all that is due, and the page where it is paid."""

    token = serializers.CharField()
    number = serializers.CharField()
    url = serializers.CharField()


class MerchantView(APIView):
    """For staff whose role may do `deed`."""

    permission_classes = [IsAuthenticated]
    deed = "recover"  # not `action`, which has a meaning of its own in views

    def merchant_id(self, request: Request) -> int:
        return guards.membership_for(request.user, self.deed).merchant_id

    def order(self, request: Request, code: str) -> RecoveryOrder:
        return selectors.order_by_code(self.merchant_id(request), code)

    def answer(self, request: Request, code: str, status: int = 200) -> Response:
        return Response(RecoveryOut(self.order(request, code)).data, status=status)


@extend_schema_view(get=extend_schema(description="The merchant's, newest first."))
class Orders(MerchantView, generics.ListAPIView):
    """Recovery orders: debts of a vehicle, bound to a lock (P1.1, P1.2)."""

    serializer_class = RecoveryOut
    filterset_class = RecoveryFilter
    queryset = RecoveryOrder.objects.none()  # names the model for the schema

    @extend_schema(request=BindIn, responses={201: RecoveryOut})
    def post(self, request: Request) -> Response:
        """Bind a vehicle's debts to a lock; the answer is the recovery order."""
        merchant_id = self.merchant_id(request)
        asked = BindIn(data=request.data)
        asked.is_valid(raise_exception=True)
        told = asked.validated_data
        berth = parking.berth_by_code(told["berth_code"])
        device = devices.by_code(told["device_code"])
        if berth is None or device is None or device.merchant_id != merchant_id:
            raise Missing("no_berth_or_lock")
        look = _second_look(request, told)
        said = {name: value for name, value in _body(request).items() if name not in request.FILES}

        def bind() -> dict[str, Any]:
            order = services.bind(
                merchant_id=merchant_id,
                plate_text=told["plate_text"],
                plate_colour=told.get("plate_colour", ""),
                berth_id=berth.pk,
                device_id=device.pk,
                second_look=look,
                actor=guards.actor_of(request),
            )
            return {"code": order.code}

        key = request.headers.get("Idempotency-Key", "")
        scope = f"recovery.bind:{merchant_id}"
        done = idempotency.once(scope, key, said | {"look": look}, bind) if key else bind()
        return self.answer(request, done["code"], status=201)

    def get_queryset(self) -> QuerySet[RecoveryOrder]:
        return selectors.orders_of(self.merchant_id(self.request))


class OneOrder(MerchantView):
    @extend_schema(responses=RecoveryOut)
    def get(self, request: Request, code: str) -> Response:
        return self.answer(request, code)


class Place(MerchantView):
    """The lock is placed; the photograph shows it (P1.3)."""

    @extend_schema(request=PhotographIn, responses=RecoveryOut)
    def post(self, request: Request, code: str) -> Response:
        order = self.order(request, code)
        services.place(order.pk, sha256=_photograph(request), actor=guards.actor_of(request))
        return self.answer(request, code)


class Raise(MerchantView):
    """Order the lock up (P1.3)."""

    @extend_schema(request=RaiseIn, responses=RecoveryOut)
    def post(self, request: Request, code: str) -> Response:
        order, actor = self.order(request, code), guards.actor_of(request)
        asked = RaiseIn(data=request.data)
        asked.is_valid(raise_exception=True)
        if look := _second_look(request, asked.validated_data):
            services.look_again(order.pk, second_look=look, actor=actor)
        services.raise_lock(order.pk, actor=actor)
        return self.answer(request, code)


class Lower(MerchantView):
    """Order the lock down at once, whatever is owed (P1.4)."""

    deed = "lower_lock"

    @extend_schema(request=LowerIn, responses=RecoveryOut)
    def post(self, request: Request, code: str) -> Response:
        order = self.order(request, code)
        asked = LowerIn(data=_body(request))
        asked.is_valid(raise_exception=True)
        reason = asked.validated_data["reason"]
        services.emergency_lower(order.pk, actor=guards.actor_of(request), reason=reason)
        return self.answer(request, code)


class LoweredByHand(MerchantView):
    """A lock that did not obey was lowered with its manual key; the photograph shows it (P1.5)."""

    deed = "lower_lock"

    @extend_schema(request=PhotographIn, responses=RecoveryOut)
    def post(self, request: Request, code: str) -> Response:
        order = self.order(request, code)
        services.lowered_by_hand(
            order.pk, sha256=_photograph(request), actor=guards.actor_of(request)
        )
        return self.answer(request, code)


class Fetched(MerchantView):
    """The lock was taken away; a new photograph shows it (P1.6)."""

    @extend_schema(request=PhotographIn, responses=RecoveryOut)
    def post(self, request: Request, code: str) -> Response:
        order = self.order(request, code)
        services.confirm_move(order.pk, sha256=_photograph(request), actor=guards.actor_of(request))
        return self.answer(request, code)


class OwnerOrder(APIView):
    """What the owner sees and may do, with the link on the lock (P1.4, P1.5)."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="recovery_owner_order", responses=OwnerRecoveryOut)
    def get(self, request: Request, token: str) -> Response:
        services.note_seen(selectors.order_by_token(token))
        return Response(OwnerRecoveryOut(selectors.order_by_token(token)).data)

    @extend_schema(operation_id="recovery_owner_pay", request=None, responses={201: PaymentOut})
    def post(self, request: Request, token: str) -> Response:
        order = selectors.order_by_token(token)
        payment = payments_services.open_order(items=[("recovery.order", order.pk)], actor="owner")
        url = payments.order_public_url(payment)
        return Response({"token": payment.token, "number": payment.number, "url": url}, status=201)


class OwnerCode(APIView):
    """The code that lowers a lock which does not answer; each showing is audited (P1.5)."""

    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="recovery_owner_code", request=None, responses={200: ReleaseCodeOut}
    )
    def post(self, request: Request, token: str) -> Response:
        code = services.show_release_code(selectors.order_by_token(token), actor="owner")
        return Response({"release_code": code})


def _body(request: Request) -> dict[str, Any]:
    """The fields of the body; a list has none."""
    return request.data if isinstance(request.data, dict) else {}


def _second_look(request: Request, told: dict[str, Any]) -> dict[str, str]:
    """The look as it was told, with the photograph that came with it."""
    look = dict(told.get("second_look") or {})
    if upload := request.FILES.get("look_photograph"):
        look["sha256"] = images.keep_upload(upload, by=guards.actor_of(request))
    return look


def _photograph(request: Request) -> str:
    """The hash of the photograph that came with the request, or that was kept before."""
    if upload := request.FILES.get("photograph"):
        return images.keep_upload(upload, by=guards.actor_of(request))
    body = _body(request)
    asked = PhotographIn(data={"sha256": body["sha256"]} if "sha256" in body else {})
    asked.is_valid(raise_exception=True)
    sha256: str = asked.validated_data.get("sha256", "")
    if not sha256:
        raise NoPhotograph()
    return sha256
