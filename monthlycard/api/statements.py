"""What lot and platform agree on and settle: agreement, statements, checks (P4.9 to P4.11)."""

import csv
import io
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from openpyxl import Workbook
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import Missing
from core.fields import choices_of
from core.inputs import MomentField
from core.money import MOST_PAYMENT_FEN
from monthlycard import selectors, services
from monthlycard.api.access import LotView, valid
from monthlycard.errors import NoAgreement, StatementMissing
from monthlycard.models import Agreement, Statement
from monthlycard.rules import StatementLine
from monthlycard.rules.differences import PROPOSALS
from monthlycard.rules.statement import plain
from monthlycard.services.lots import agreement_body
from monthlycard.states import AgreementState, StatementState

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class VersionIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1, default=None)


class SignIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    signature = serializers.CharField(max_length=64)


class AgreementOut(serializers.Serializer):
    lot = serializers.CharField()
    version = serializers.IntegerField()
    state = serializers.ChoiceField(choices_of(AgreementState))
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
    state = serializers.ChoiceField(choices_of(AgreementState))


class AgreementView(LotView):
    @extend_schema(
        parameters=[OpenApiParameter("version", int, description="without it, the newest")],
        responses={200: AgreementOut, 409: OpenApiResponse(description="None was offered yet.")},
        summary="An agreement, signed or to be signed (P4.9)",
    )
    def get(self, request: Request) -> Response:
        agreement = self._asked(valid(VersionIn, request.query_params)["version"])
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
        signed = valid(SignIn, request.data)
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


class LineIn(serializers.Serializer):
    visit = serializers.CharField(max_length=130)
    card = serializers.CharField(max_length=20)
    plate = serializers.CharField(max_length=16)
    colour = serializers.CharField(max_length=16, allow_blank=True, default="")
    entry_at = MomentField()
    exit_at = MomentField()
    counted_until = MomentField()
    quantity = serializers.IntegerField(min_value=0)
    unit_price_fen = serializers.IntegerField(min_value=0, max_value=MOST_PAYMENT_FEN)
    fee_fen = serializers.IntegerField(min_value=0, max_value=MOST_PAYMENT_FEN)


class CheckIn(serializers.Serializer):
    checksum = serializers.CharField(max_length=64)
    lines = LineIn(many=True)


class StatementOut(serializers.Serializer):
    number = serializers.CharField()
    state = serializers.ChoiceField(choices_of(StatementState))
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
    quantity: Any = serializers.IntegerField(help_text="below 0 where a visit is taken out")
    fee_fen: Any = serializers.IntegerField(help_text="below 0 where a visit is taken out")
    correction = serializers.BooleanField(
        help_text="of an earlier period, or a visit that is taken out or comes back"
    )


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
        services.note_fetched(row)
        kind = request.query_params.get("file", "")
        if kind == "csv":
            return HttpResponse(row.csv.encode(), content_type="text/csv; charset=utf-8")
        if kind == "xlsx":
            return HttpResponse(as_xlsx(row), content_type=XLSX)
        if kind:
            raise Missing("no_such_file")
        lines = [_line_out(line, late) for line, late in selectors.all_lines(row)]
        return Response({**_statement(row), "lines": lines})


class StatementCheck(LotView):
    @extend_schema(
        request=CheckIn, responses={200: CheckedOut}, summary="The lot's own count of it (P4.11)"
    )
    def post(self, request: Request, number: str) -> Response:
        checked = valid(CheckIn, request.data)
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
    for cells in csv.reader(io.StringIO(statement.csv, newline="")):
        numbers = [int(cell) if cell.lstrip("-").isdecimal() else cell for cell in cells[-3:]]
        sheet.append([*map(plain, cells[:-3]), *numbers])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


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


def _line_out(line: StatementLine, corrects: bool) -> dict[str, Any]:
    return {
        "visit": line.visit,
        "card": line.card_number,
        "plate": line.plate_text,
        "colour": line.plate_colour,
        "entry_at": line.entry_at.isoformat(),
        "exit_at": line.exit_at.isoformat(),
        "counted_until": line.counted_until.isoformat(),
        "quantity": line.quantity,
        "unit_price_fen": line.unit_price_fen,
        "fee_fen": line.fee_fen,
        "correction": corrects,
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
