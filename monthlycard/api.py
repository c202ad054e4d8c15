"""The lot systems' interface: signed questions, signed answers (docs/lot-protocol.md)."""

import csv
import io
import time
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.http import HttpResponse
from django.utils.cache import patch_cache_control
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from openpyxl import Workbook
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core import clock, personal
from core.errors import Missing
from core.money import MOST_PAYMENT_FEN
from core.plates import Colour, normalise
from monthlycard import selectors, services
from monthlycard.errors import BadSignature, NoAgreement, StatementMissing
from monthlycard.models import Agreement, Card, CardVehicle, LotSystem, Statement, StatementItem
from monthlycard.rules import StatementLine, signing
from monthlycard.rules.differences import PROPOSALS
from monthlycard.services.lots import Report, agreement_body

PAGE = 1000
HEARD_EVERY = timedelta(minutes=1)  # one row for all of a lot's questions: written now and then
NUMBER = r"^[A-Za-z0-9._:-]+$"  # of a lot's records: it stands in files and in visits' names
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class LotAuthentication(BaseAuthentication):
    """A request signed with the lot's secret, within five minutes, each nonce once."""

    def authenticate(self, request: Request) -> tuple[Any, LotSystem] | None:
        lot = selectors.lot_by_code(request.headers.get(signing.LOT, ""))
        sent, nonce = request.headers.get(signing.TIME, ""), request.headers.get(signing.NONCE, "")
        if lot is None or not (sent.isascii() and sent.isdigit()) or not 8 <= len(nonce) <= 60:
            raise BadSignature()
        secret = personal.unseal(lot.secret_sealed)
        expected = signing.sign_request(
            secret,
            method=request.method or "",
            path=request.get_full_path(),
            time=sent,
            nonce=nonce,
            body=request.body,
        )
        if not signing.equal(expected, request.headers.get(signing.SIGNATURE, "")):
            raise BadSignature()
        if abs(time.time() - int(sent) / 1000) > signing.TOLERANCE_S:
            raise BadSignature()
        if not cache.add(f"lot-nonce.{lot.pk}.{nonce}", 1, timeout=2 * signing.TOLERANCE_S):
            raise BadSignature()
        if lot.last_asked_at is None or clock.real() - lot.last_asked_at > HEARD_EVERY:
            LotSystem.objects.filter(pk=lot.pk).update(last_asked_at=clock.real())
        request.lot_secret, request.lot_nonce = secret, nonce  # type: ignore[attr-defined]
        return None, lot

    def authenticate_header(self, request: Request) -> str:
        return "Bowei-Lot"


class LotScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the signature is described in the schema."""

    target_class = LotAuthentication
    name = "lot"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": signing.SIGNATURE,
            "description": (
                "HMAC-SHA256 with the lot's secret over method, path, time, nonce and body, beside "
                f"{signing.LOT}, {signing.TIME} and {signing.NONCE}: docs/lot-protocol.md."
            ),
        }


class IsLot(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, LotSystem)


class LotView(APIView):
    """What all addresses of the interface share: who asks, and the signed answer."""

    authentication_classes = [LotAuthentication]
    permission_classes = [IsLot]

    @property
    def lot(self) -> LotSystem:
        lot = self.request.auth
        assert isinstance(lot, LotSystem)
        return lot

    def finalize_response(  # type: ignore[override]  # a file is Django's own response
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        final = super().finalize_response(request, response, *args, **kwargs)
        secret = getattr(request, "lot_secret", None)
        if secret is not None:
            if isinstance(final, Response):
                final.render()
            final[signing.SIGNATURE] = signing.sign_answer(
                secret,
                status=final.status_code,
                nonce=request.lot_nonce,  # type: ignore[attr-defined]
                body=final.content,
            )
        patch_cache_control(final, no_store=True)
        return final


class CardIn(serializers.Serializer):
    plan = serializers.SlugField()
    plate = serializers.CharField(max_length=16)
    colour = serializers.ChoiceField([colour.value for colour in Colour])
    evidence = serializers.CharField(
        max_length=64, default="", help_text="SHA-256 of an uploaded photograph of the licence"
    )


class CardOut(serializers.ModelSerializer):
    plan: Any = serializers.SlugRelatedField("code", read_only=True)

    class Meta:
        model = Card
        fields = [
            "number", "plan", "plate_text", "plate_colour", "state", "applied_at", "valid_from",
            "valid_until", "quota_left",
        ]  # fmt: skip


class Cards(APIView):
    """A person's own cards, for applications of their own beside the pages (P4.2)."""

    @extend_schema(responses={200: CardOut(many=True)}, summary="Your monthly cards (P4.2)")
    def get(self, request: Request) -> Response:
        return Response(CardOut(selectors.cards_of(int(request.user.pk or 0)), many=True).data)

    @extend_schema(
        request=CardIn, responses={201: CardOut}, summary="Apply for a monthly card (P4.2)"
    )
    def post(self, request: Request) -> Response:
        asked = _valid(CardIn, request.data)
        card = services.apply(
            user_id=int(request.user.pk or 0),
            plan_code=asked["plan"],
            plate_text=asked["plate"],
            plate_colour=asked["colour"],
            evidence_sha=asked["evidence"],
            actor=f"user:{request.user.pk}",
        )
        return Response(CardOut(card).data, status=201)


class QuestionIn(serializers.Serializer):
    request_id = serializers.CharField(max_length=60)
    direction = serializers.ChoiceField(["entry", "exit"])
    plate = serializers.CharField(max_length=16)
    colour = serializers.CharField(max_length=16, allow_blank=True, default="")
    at = serializers.DateTimeField()
    own_list = serializers.BooleanField(allow_null=True, default=None)


class NoticeOut(serializers.Serializer):
    text = serializers.CharField()
    amount_fen = serializers.IntegerField()
    since = serializers.DateTimeField()


class QuestionOut(serializers.Serializer):
    request_id = serializers.CharField()
    admit = serializers.ChoiceField(["card", "temporary"])
    reason = serializers.CharField()
    card = serializers.CharField(allow_null=True)
    valid_until = serializers.DateTimeField(allow_null=True)
    notice = NoticeOut(allow_null=True)


class PassIn(serializers.Serializer):
    record_id = serializers.RegexField(NUMBER, max_length=60)
    direction = serializers.ChoiceField(["entry", "exit"])
    flow = serializers.ChoiceField(["card", "temporary", "refused"])
    reason = serializers.CharField(max_length=20, allow_blank=True, default="")
    plate = serializers.CharField(max_length=16)
    colour = serializers.CharField(max_length=16, allow_blank=True, default="")
    etc_plate = serializers.CharField(max_length=16, allow_blank=True, default="")
    card = serializers.CharField(max_length=20, allow_blank=True, default="")
    at = serializers.DateTimeField()
    count_today = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, allow_null=True, default=None
    )


class PassesIn(serializers.Serializer):
    records = serializers.ListField(child=PassIn(), max_length=500)


class OutcomeOut(serializers.Serializer):
    record_id = serializers.CharField()
    outcome = serializers.ChoiceField(["stored", "again", "record_differs"])
    oddity = serializers.CharField(required=False)


class PassesOut(serializers.Serializer):
    outcomes = OutcomeOut(many=True)


class LineIn(serializers.Serializer):
    visit = serializers.CharField(max_length=130)
    card = serializers.CharField(max_length=20)
    plate = serializers.CharField(max_length=16)
    colour = serializers.CharField(max_length=16, allow_blank=True, default="")
    entry_at = serializers.DateTimeField()
    exit_at = serializers.DateTimeField()
    counted_until = serializers.DateTimeField()
    quantity = serializers.IntegerField(min_value=0)
    unit_price_fen = serializers.IntegerField(min_value=0, max_value=MOST_PAYMENT_FEN)
    fee_fen = serializers.IntegerField(min_value=0, max_value=MOST_PAYMENT_FEN)


class CheckIn(serializers.Serializer):
    checksum = serializers.CharField(max_length=64)
    lines = LineIn(many=True)


class VersionIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1, default=None)


class SignIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    signature = serializers.CharField(max_length=64)


class TimeOut(serializers.Serializer):
    now = serializers.DateTimeField()


class SinceIn(serializers.Serializer):
    since = serializers.IntegerField(min_value=0, max_value=2**62, default=0)


class RecordOut(serializers.Serializer):
    cursor = serializers.IntegerField()
    card = serializers.CharField()
    version = serializers.IntegerField()
    plate = serializers.CharField()
    colour = serializers.CharField()
    lots = serializers.ListField(child=serializers.CharField())
    valid_from = serializers.DateTimeField()
    valid_until = serializers.DateTimeField()
    state = serializers.ChoiceField(["active", "suspended", "ended"])
    made_at = serializers.DateTimeField()


class RecordsOut(serializers.Serializer):
    records = RecordOut(many=True)
    cursor = serializers.IntegerField()
    more = serializers.BooleanField()
    now = serializers.DateTimeField()
    statements_waiting = serializers.ListField(child=serializers.CharField())


class AgreementOut(serializers.Serializer):
    lot = serializers.CharField()
    version = serializers.IntegerField()
    state = serializers.ChoiceField(Agreement.State.choices)
    terms = serializers.DictField()
    when_expired = serializers.ChoiceField(Agreement.WhenExpired.choices)
    period = serializers.ChoiceField(Agreement.Period.choices)
    period_day = serializers.IntegerField()
    silence_agrees_after_h = serializers.IntegerField(allow_null=True)
    valid_from = serializers.DateTimeField()
    hash = serializers.CharField()
    signed_by_platform = serializers.BooleanField()
    signed_by_lot = serializers.BooleanField()


class SignedOut(serializers.Serializer):
    version = serializers.IntegerField()
    state = serializers.ChoiceField(Agreement.State.choices)


class StatementOut(serializers.Serializer):
    number = serializers.CharField()
    state = serializers.ChoiceField(Statement.State.choices)
    agreement = serializers.IntegerField(help_text="the agreement's version")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    entries = serializers.IntegerField()
    exits = serializers.IntegerField()
    total_fen = serializers.IntegerField()
    checksum = serializers.CharField()


class StatementsOut(serializers.Serializer):
    statements = StatementOut(many=True)


class StatementLineOut(LineIn):
    correction = serializers.BooleanField(help_text="of an earlier period")


class StatementWithLinesOut(StatementOut):
    lines = StatementLineOut(many=True)


class DifferenceOut(serializers.Serializer):
    visit = serializers.CharField()
    kind = serializers.ChoiceField(list(PROPOSALS))
    platform_fen = serializers.IntegerField(allow_null=True)
    lot_fen = serializers.IntegerField(allow_null=True)
    proposal = serializers.CharField()


class CheckedOut(serializers.Serializer):
    agreed = serializers.BooleanField()
    differences = DifferenceOut(many=True)


class Time(LotView):
    @extend_schema(responses={200: TimeOut}, summary="The platform's business time")
    def get(self, request: Request) -> Response:
        return Response({"now": clock.now().isoformat()})


class Records(LotView):
    @extend_schema(
        parameters=[OpenApiParameter("since", int, description="the cursor of the last answer")],
        responses={200: RecordsOut},
        summary="Card-vehicle records after a cursor, revocations included (P4.4)",
    )
    def get(self, request: Request) -> Response:
        since = _valid(SinceIn, request.query_params)["since"]
        rows = selectors.records_since(self.lot, since, PAGE)
        cursor = rows[-1].cursor if rows else since
        LotSystem.objects.filter(pk=self.lot.pk).exclude(list_cursor=since).update(
            list_cursor=since
        )
        return Response(
            {
                "records": [_record(row) for row in rows],
                "cursor": cursor,
                "more": len(rows) == PAGE,
                "now": clock.now().isoformat(),
                "statements_waiting": selectors.waiting_for(self.lot),
            }
        )


class Questions(LotView):
    @extend_schema(
        request=QuestionIn, responses={200: QuestionOut}, summary="Does this vehicle pass? (P4.6)"
    )
    def post(self, request: Request) -> Response:
        asked = _valid(QuestionIn, request.data)
        return Response(
            services.answer_question(
                lot=self.lot,
                request_id=asked["request_id"],
                direction=asked["direction"],
                plate_text=normalise(asked["plate"]),
                plate_colour=asked["colour"],
                at=asked["at"],
                lots_own=asked["own_list"],
            )
        )


class Passes(LotView):
    @extend_schema(
        request=PassesIn, responses={200: PassesOut}, summary="Report entries and exits (P4.7)"
    )
    def post(self, request: Request) -> Response:
        records = _valid(PassesIn, request.data)["records"]
        reports = [
            Report(
                record_id=record["record_id"],
                direction=record["direction"],
                flow=record["flow"],
                reason=record["reason"],
                plate_text=normalise(record["plate"]),
                plate_colour=record["colour"],
                etc_plate_text=normalise(record["etc_plate"]),
                card_number=record["card"],
                passed_at=record["at"].replace(microsecond=0),
                count_today=record["count_today"],
            )
            for record in records
        ]
        return Response({"outcomes": services.take_passes(lot=self.lot, reports=reports)})


class AgreementView(LotView):
    @extend_schema(
        parameters=[OpenApiParameter("version", int, description="without it, the newest")],
        responses={200: AgreementOut},
        summary="An agreement, signed or to be signed (P4.9)",
    )
    def get(self, request: Request) -> Response:
        agreement = self._asked(_valid(VersionIn, request.query_params)["version"])
        return Response(
            {
                **agreement_body(agreement),
                "state": agreement.state,
                "hash": agreement.terms_hash,
                "signed_by_platform": agreement.platform_signed_at is not None,
                "signed_by_lot": agreement.lot_signed_at is not None,
            }
        )

    @extend_schema(request=SignIn, responses={200: SignedOut}, summary="Sign the agreement's hash")
    def post(self, request: Request) -> Response:
        signed = _valid(SignIn, request.data)
        agreement = self._asked(signed["version"])
        services.sign_by_lot(
            agreement=agreement, signature=signed["signature"], actor=f"lot:{self.lot.code}"
        )
        return Response({"version": agreement.version, "state": agreement.state})

    def _asked(self, version: int | None) -> Agreement:
        rows = self.lot.agreements.order_by("-version")
        agreement = (rows.filter(version=version) if version else rows).first()
        if agreement is None:
            raise NoAgreement()
        return agreement


class Statements(LotView):
    @extend_schema(
        operation_id="monthlycard_lots_statements_list",
        responses={200: StatementsOut},
        summary="This lot's statements, newest first (P4.10)",
    )
    def get(self, request: Request) -> Response:
        rows = self.lot.statements.select_related("agreement").order_by("-pk")[:100]
        return Response({"statements": [_statement(row) for row in rows]})


class StatementView(LotView):
    @extend_schema(
        parameters=[OpenApiParameter("file", str, enum=["csv", "xlsx"])],
        responses={
            (200, "application/json"): StatementWithLinesOut,
            (200, "text/csv"): OpenApiTypes.BINARY,
            (200, XLSX): OpenApiTypes.BINARY,
        },
        summary="One statement: its lines, or its file (P4.10)",
    )
    def get(self, request: Request, number: str) -> HttpResponse:
        row = self.lot.statements.select_related("agreement").filter(number=number).first()
        if row is None:
            raise StatementMissing()
        Statement.objects.filter(pk=row.pk, fetched_at=None).update(fetched_at=clock.now())
        kind = request.query_params.get("file", "")
        if kind == "csv":
            return HttpResponse(row.csv.encode(), content_type="text/csv; charset=utf-8")
        if kind == "xlsx":
            return HttpResponse(as_xlsx(row), content_type=XLSX)
        if kind:
            raise Missing("no_such_file")
        items = row.items.select_related("card").order_by("pk")
        return Response({**_statement(row), "lines": [_item(item) for item in items]})


class StatementCheck(LotView):
    @extend_schema(
        request=CheckIn, responses={200: CheckedOut}, summary="The lot's own count of it (P4.11)"
    )
    def post(self, request: Request, number: str) -> Response:
        checked = _valid(CheckIn, request.data)
        differences = services.answer_statement(
            lot=self.lot,
            number=number,
            seen_checksum=checked["checksum"],
            own=[_line(line) for line in checked["lines"]],
            actor=f"lot:{self.lot.code}",
        )
        found = [
            {
                "visit": row.visit,
                "kind": row.kind,
                "platform_fen": row.platform_fen,
                "lot_fen": row.lot_fen,
                "proposal": row.proposal,
            }
            for row in differences
        ]
        return Response({"agreed": not found, "differences": found})


def as_xlsx(statement: Statement) -> bytes:
    """The statement as a workbook; the CSV is what the checksum seals."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = statement.number[:31]
    for cells in csv.reader(statement.csv.splitlines()):
        sheet.append([*cells[:-3], *(int(c) if c.isdigit() else c for c in cells[-3:])])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _valid(serializer: type[serializers.Serializer], data: Any) -> dict[str, Any]:
    checked = serializer(data=data)
    checked.is_valid(raise_exception=True)
    valid: dict[str, Any] = checked.validated_data
    return valid


def _record(row: CardVehicle) -> dict[str, Any]:
    return {
        "cursor": row.cursor,
        "card": row.card.number,
        "version": row.version,
        "plate": row.plate_text,
        "colour": row.plate_colour,
        "lots": row.lots,
        "valid_from": row.valid_from.isoformat(),
        "valid_until": row.valid_until.isoformat(),
        "state": row.state,
        "made_at": row.made_at.isoformat(),
    }


def _item(row: StatementItem) -> dict[str, Any]:
    return {
        "visit": row.visit,
        "card": row.card.number,
        "plate": row.plate_text,
        "colour": row.plate_colour,
        "entry_at": row.entry_at.isoformat(),
        "exit_at": row.exit_at.isoformat(),
        "counted_until": row.counted_until.isoformat(),
        "quantity": row.quantity,
        "unit_price_fen": row.unit_price_fen,
        "fee_fen": row.fee_fen,
        "correction": row.correction,
    }


def _statement(row: Statement) -> dict[str, Any]:
    return {
        "number": row.number,
        "state": row.state,
        "agreement": row.agreement.version,
        "starts_at": row.starts_at.isoformat(),
        "ends_at": row.ends_at.isoformat(),
        "entries": row.entries,
        "exits": row.exits,
        "total_fen": row.total_fen,
        "checksum": row.checksum,
    }


def _line(line: dict[str, Any]) -> StatementLine:
    def second(at: datetime) -> datetime:
        return at.replace(microsecond=0)

    return StatementLine(
        visit=line["visit"],
        card_number=line["card"],
        plate_text=line["plate"],
        plate_colour=line["colour"],
        entry_at=second(line["entry_at"]),
        exit_at=second(line["exit_at"]),
        counted_until=second(line["counted_until"]),
        quantity=line["quantity"],
        unit_price_fen=line["unit_price_fen"],
        fee_fen=line["fee_fen"],
    )
