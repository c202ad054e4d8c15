"""Bodies that interfaces are sent, read by the rules of core.parse whatever they are for."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from core import parse


class JSONParser(BaseParser):
    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            return parse.json_body(stream.read())
        except parse.Unreadable as error:
            raise ParseError(str(error)) from error


class MomentField(serializers.DateTimeField):
    """A moment that somebody tells; one that is centuries away cannot be reckoned with."""

    def to_internal_value(self, value: Any) -> Any:
        try:
            moment = super().to_internal_value(value)
        except OverflowError:
            self.fail("overflow")
        if not parse.is_ours(moment.date()):
            self.fail("overflow")
        return moment
