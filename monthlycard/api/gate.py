"""What a lot asks and says at its barrier: the list of cards, questions, passes (P4.4 to P4.8)."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core import clock
from core.inputs import MomentField
from core.plates import normalise
from monthlycard import selectors, services
from monthlycard.api.access import LotView, valid
from monthlycard.models import CardVehicle, LotSystem
from monthlycard.services.lots import Report

PAGE = 1000
NUMBER = r"^[A-Za-z0-9._:-]+$"  # of a lot's records: it stands in files and in visits' names


class TimeOut(serializers.Serializer):
    now = serializers.DateTimeField()


class Time(LotView):
    @extend_schema(responses={200: TimeOut}, summary="The platform's business time")
    def get(self, request: Request) -> Response:
        return Response({"now": clock.now().isoformat()})


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


class Records(LotView):
    @extend_schema(
        parameters=[OpenApiParameter("since", int, description="the cursor of the last answer")],
        responses={200: RecordsOut},
        summary="Card-vehicle records after a cursor, revocations included (P4.4)",
    )
    def get(self, request: Request) -> Response:
        since = valid(SinceIn, request.query_params)["since"]
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


class QuestionIn(serializers.Serializer):
    request_id = serializers.CharField(max_length=60)
    direction = serializers.ChoiceField(["entry", "exit"])
    plate = serializers.CharField(max_length=16)
    colour = serializers.CharField(max_length=16, allow_blank=True, default="")
    at = MomentField()
    own_list = serializers.BooleanField(allow_null=True, default=None)


class NoticeOut(serializers.Serializer):
    text = serializers.CharField()
    amount_fen = serializers.IntegerField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()


class QuestionOut(serializers.Serializer):
    request_id = serializers.CharField()
    admit = serializers.ChoiceField(["card", "temporary"])
    reason = serializers.CharField()
    card = serializers.CharField(allow_null=True)
    valid_until = serializers.DateTimeField(allow_null=True)
    notice = NoticeOut(allow_null=True)


class Questions(LotView):
    @extend_schema(
        request=QuestionIn, responses={200: QuestionOut}, summary="Does this vehicle pass? (P4.6)"
    )
    def post(self, request: Request) -> Response:
        asked = valid(QuestionIn, request.data)
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


class PassIn(serializers.Serializer):
    record_id = serializers.RegexField(NUMBER, max_length=60)
    direction = serializers.ChoiceField(["entry", "exit"])
    flow = serializers.ChoiceField(["card", "temporary", "refused"])
    reason = serializers.CharField(max_length=20, allow_blank=True, default="")
    plate = serializers.CharField(max_length=16)
    colour = serializers.CharField(max_length=16, allow_blank=True, default="")
    etc_plate = serializers.CharField(max_length=16, allow_blank=True, default="")
    card = serializers.CharField(max_length=20, allow_blank=True, default="")
    at = MomentField()
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


class Passes(LotView):
    @extend_schema(
        request=PassesIn, responses={200: PassesOut}, summary="Report entries and exits (P4.7)"
    )
    def post(self, request: Request) -> Response:
        records = valid(PassesIn, request.data)["records"]
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
