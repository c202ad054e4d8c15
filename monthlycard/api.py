"""The lot systems' interface: signed questions, signed answers (docs/lot-protocol.md)."""

import io
import time
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.http import HttpResponse
from django.utils.cache import patch_cache_control
from drf_spectacular.utils import OpenApiParameter, extend_schema
from openpyxl import Workbook
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core import clock, personal
from core.errors import Invalid, Missing
from monthlycard import selectors, services
from monthlycard.errors import BadSignature, NoAgreement, StatementMissing
from monthlycard.models import Agreement, CardVehicle, LotSystem, Statement
from monthlycard.rules import StatementLine, signing
from monthlycard.rules.statement import COLUMNS
from monthlycard.services.lots import Report

PAGE = 1000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class LotAuthentication(BaseAuthentication):
    """A request signed with the lot's secret, within five minutes, each nonce once."""

    def authenticate(self, request: Request) -> tuple[Any, LotSystem] | None:
        lot = selectors.lot_by_code(request.headers.get(signing.LOT, ""))
        sent, nonce = request.headers.get(signing.TIME, ""), request.headers.get(signing.NONCE, "")
        if lot is None or not sent.isdigit() or not 8 <= len(nonce) <= 60:
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
        LotSystem.objects.filter(pk=lot.pk).update(last_asked_at=clock.real())
        request.lot_secret, request.lot_nonce = secret, nonce  # type: ignore[attr-defined]
        return None, lot

    def authenticate_header(self, request: Request) -> str:
        return "Bowei-Lot"


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

    def finalize_response(
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


class QuestionIn(serializers.Serializer):
    request_id = serializers.CharField(max_length=60)
    direction = serializers.ChoiceField(["entry", "exit"])
    plate = serializers.CharField(max_length=16)
    colour = serializers.CharField(max_length=16, allow_blank=True, default="")
    at = serializers.DateTimeField()
    own_list = serializers.BooleanField(allow_null=True, default=None)


class QuestionOut(serializers.Serializer):
    request_id = serializers.CharField()
    admit = serializers.ChoiceField(["card", "temporary"])
    reason = serializers.CharField()
    card = serializers.CharField(allow_null=True)
    valid_until = serializers.DateTimeField(allow_null=True)


class PassIn(serializers.Serializer):
    record_id = serializers.CharField(max_length=60)
    direction = serializers.ChoiceField(["entry", "exit"])
    flow = serializers.ChoiceField(["card", "temporary", "refused"])
    reason = serializers.CharField(max_length=20, allow_blank=True, default="")
    plate = serializers.CharField(max_length=16)
    colour = serializers.CharField(max_length=16, allow_blank=True, default="")
    etc_plate = serializers.CharField(max_length=16, allow_blank=True, default="")
    card = serializers.CharField(max_length=20, allow_blank=True, default="")
    at = serializers.DateTimeField()
    count_today = serializers.IntegerField(min_value=0, allow_null=True, default=None)


class PassesIn(serializers.Serializer):
    records = PassIn(many=True, max_length=500)


class LineIn(serializers.Serializer):
    visit = serializers.CharField(max_length=130)
    card = serializers.CharField(max_length=20)
    plate = serializers.CharField(max_length=16)
    colour = serializers.CharField(max_length=16, allow_blank=True, default="")
    entry_at = serializers.DateTimeField()
    exit_at = serializers.DateTimeField()
    quantity = serializers.IntegerField(min_value=0)
    unit_price_fen = serializers.IntegerField(min_value=0)
    fee_fen = serializers.IntegerField(min_value=0)


class CheckIn(serializers.Serializer):
    checksum = serializers.CharField(max_length=64)
    lines = LineIn(many=True)


class SignIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1)
    signature = serializers.CharField(max_length=64)


class Time(LotView):
    @extend_schema(responses={200: dict}, summary="The platform's business time")
    def get(self, request: Request) -> Response:
        return Response({"now": clock.now().isoformat()})


class Records(LotView):
    @extend_schema(
        parameters=[OpenApiParameter("since", int, description="the cursor of the last answer")],
        responses={200: dict},
        summary="Card-vehicle records after a cursor, revocations included (P4.4)",
    )
    def get(self, request: Request) -> Response:
        text = request.query_params.get("since", "0")
        if not text.isdigit():
            raise Invalid("bad_cursor", "since must be a number")
        rows = selectors.records_since(self.lot, int(text), PAGE)
        cursor = rows[-1].cursor if rows else int(text)
        LotSystem.objects.filter(pk=self.lot.pk).update(list_cursor=int(text))
        return Response(
            {
                "records": [_record(row) for row in rows],
                "cursor": cursor,
                "more": len(rows) == PAGE,
                "now": clock.now().isoformat(),
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
                plate_text=asked["plate"],
                plate_colour=asked["colour"],
                at=asked["at"],
                lots_own=asked["own_list"],
            )
        )


class Passes(LotView):
    @extend_schema(
        request=PassesIn, responses={200: dict}, summary="Report entries and exits (P4.7)"
    )
    def post(self, request: Request) -> Response:
        records = _valid(PassesIn, request.data)["records"]
        reports = [
            Report(
                record_id=record["record_id"],
                direction=record["direction"],
                flow=record["flow"],
                reason=record["reason"],
                plate_text=record["plate"],
                plate_colour=record["colour"],
                etc_plate_text=record["etc_plate"],
                card_number=record["card"],
                passed_at=record["at"].replace(microsecond=0),
                count_today=record["count_today"],
            )
            for record in records
        ]
        return Response({"outcomes": services.take_passes(lot=self.lot, reports=reports)})


class AgreementView(LotView):
    @extend_schema(responses={200: dict}, summary="The newest agreement, signed or to be signed")
    def get(self, request: Request) -> Response:
        agreement = self._newest()
        return Response(
            {
                "version": agreement.version,
                "state": agreement.state,
                "terms": agreement.terms,
                "when_expired": agreement.when_expired,
                "period": agreement.period,
                "period_day": agreement.period_day,
                "silence_agrees_after_h": agreement.silence_agrees_after_h,
                "valid_from": agreement.valid_from.isoformat(),
                "hash": agreement.terms_hash,
                "signed_by_platform": agreement.platform_signed_at is not None,
                "signed_by_lot": agreement.lot_signed_at is not None,
            }
        )

    @extend_schema(request=SignIn, responses={200: dict}, summary="Sign the agreement's hash")
    def post(self, request: Request) -> Response:
        signed = _valid(SignIn, request.data)
        agreement = self.lot.agreements.filter(version=signed["version"]).first()
        if agreement is None:
            raise NoAgreement()
        services.sign_by_lot(
            agreement=agreement, signature=signed["signature"], actor=f"lot:{self.lot.code}"
        )
        return Response({"version": agreement.version, "state": agreement.state})

    def _newest(self) -> Agreement:
        agreement = self.lot.agreements.order_by("-version").first()
        if agreement is None:
            raise NoAgreement()
        return agreement


class Statements(LotView):
    @extend_schema(responses={200: dict}, summary="This lot's statements, newest first (P4.10)")
    def get(self, request: Request) -> Response:
        rows = self.lot.statements.order_by("-pk")[:100]
        return Response({"statements": [_statement(row) for row in rows]})


class StatementView(LotView):
    @extend_schema(
        parameters=[OpenApiParameter("file", str, enum=["csv", "xlsx"])],
        responses={200: dict},
        summary="One statement: its lines, or its file (P4.10)",
    )
    def get(self, request: Request, number: str) -> HttpResponse:
        row = self.lot.statements.filter(number=number).first()
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
        lines = [
            dict(zip(COLUMNS, line.split(","), strict=True)) for line in row.csv.splitlines()[1:]
        ]
        return Response({**_statement(row), "lines": lines})


class StatementCheck(LotView):
    @extend_schema(
        request=CheckIn, responses={200: dict}, summary="The lot's own count of it (P4.11)"
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
    for line in statement.csv.splitlines():
        cells = line.split(",")
        sheet.append([*cells[:6], *(int(c) if c.isdigit() else c for c in cells[6:])])
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
    }


def _statement(row: Statement) -> dict[str, Any]:
    return {
        "number": row.number,
        "state": row.state,
        "from": row.starts_at.isoformat(),
        "until": row.ends_at.isoformat(),
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
        quantity=line["quantity"],
        unit_price_fen=line["unit_price_fen"],
        fee_fen=line["fee_fen"],
    )
