"""Columns that several rows have."""

from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.forms.fields import InvalidJSONInput
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_lazy as _

from core.money import MOST_FEN, MOST_PAYMENT_FEN, BadMoney, format_fen, parse_yuan
from core.parse import FIRST_DAY, LAST_DAY, is_ours, json_body
from core.states import States


class YuanField(forms.CharField):
    """An amount as people type it (`300`, `¥4,318.50`, `300元`): cleaned to whole fen, or None."""

    default_error_messages = {
        "inexact": _("Write an amount in yuan with at most two decimals, such as 4,318.50.")
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "empty_value": None})

    def widget_attrs(self, widget: forms.Widget) -> Any:
        return {**super().widget_attrs(widget), "inputmode": "decimal"}

    def prepare_value(self, value: Any) -> Any:
        """Fen as yuan without their sign ¥, which stands before the field; what was typed as is."""
        return format_fen(value).replace("¥", "") if isinstance(value, int) else value

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if text is None or isinstance(value, int):
            return value if text else None
        try:
            return parse_yuan(text)
        except BadMoney as error:
            raise forms.ValidationError(self.error_messages["inexact"], "inexact") from error


class DayField(forms.DateField):
    """A day that people choose a list by; far from ours, where no day can follow, it is none."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.DateInput(attrs={"type": "date"}))
        super().__init__(**kwargs)
        self.validators += [MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)]


class MomentField(forms.DateTimeField):
    """A moment that people type; one that is centuries away cannot be reckoned with."""

    def to_python(self, value: Any) -> Any:
        moment = super().to_python(value)
        if moment is not None and not is_ours(moment.date()):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return moment


class DeskMomentField(forms.SplitDateTimeField):
    """The same for the desk, where day and time stand in two boxes."""

    def compress(self, data_list: Any) -> Any:
        moment = super().compress(data_list)
        if moment is not None and not is_ours(moment.date()):
            raise forms.ValidationError(self.error_messages["invalid_date"], code="invalid_date")
        return moment


class DeskJSONField(forms.JSONField):
    """JSON that a person writes at the desk, read as that of any other door (core.parse)."""

    def to_python(self, value: Any) -> Any:
        if not self._is_readable(value):
            raise forms.ValidationError(self.error_messages["invalid"], "invalid")
        return super().to_python(value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        if not self._is_readable(data):
            return InvalidJSONInput(data)
        return super().bound_data(data, initial)

    def _is_readable(self, value: Any) -> bool:
        if self.disabled or not isinstance(value, str) or value in self.empty_values:
            return True
        try:
            json_body(value.encode())
        except ValueError:  # among them Unreadable, and half a character
            return False
        return True


class MoneyField(models.BigIntegerField):
    """Whole fen, 0 or more unless `signed` (docs/rules.md 5).

    Two bounds: what a person types ends at MOST_PAYMENT_FEN, with a sentence; the column itself
    ends at MOST_FEN, because fees, debts and statements add up.
    """

    def __init__(self, *args: Any, signed: bool = False, **kwargs: Any) -> None:
        self.signed = signed
        super().__init__(*args, **kwargs)

    @cached_property
    def validators(self) -> list[Any]:
        most = MaxValueValidator(MOST_PAYMENT_FEN, _("One amount is at most ¥100,000,000.00."))
        least = MinValueValidator(0, _("An amount is never below ¥0.00."))
        return [*super().validators, most, *([] if self.signed else [least])]

    def formfield(self, **kwargs: Any) -> Any:
        """People type yuan, whatever form it is."""
        return models.Field.formfield(self, **{"form_class": YuanField, **kwargs})

    def db_check(self, connection: Any) -> str:
        least = -MOST_FEN if self.signed else 0
        return f"{connection.ops.quote_name(self.column)} BETWEEN {least} AND {MOST_FEN}"

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, **({"signed": True} if self.signed else {})}


def between(least: int, most: int) -> list[Any]:
    """Validators of a number that people type: what the column holds is more than the world does.

    A card of two thousand million days can be typed and sold, and then has no last day.
    """
    return [MinValueValidator(least), MaxValueValidator(most)]


def choices_of(states: type[States]) -> list[tuple[str, Any]]:
    """Values and words, for forms, filters and interfaces."""
    return [(one.value, gettext_lazy(one.word)) for one in states]


def known(states: type[States], *, name: str, field: str = "state") -> models.CheckConstraint:
    """The database's constraint that allows these states only."""
    values = [one.value for one in states]
    return models.CheckConstraint(condition=models.Q(**{f"{field}__in": values}), name=name)


class StateField(models.CharField):
    """A column that holds a state; its words are no part of the schema, nor of a migration."""

    def __init__(self, states: type[States] | None = None, **options: Any) -> None:
        if states is not None:
            options.setdefault("choices", choices_of(states))
        options.setdefault("max_length", 16)
        super().__init__(**options)

    def deconstruct(self) -> tuple[str, str, Any, dict[str, Any]]:
        name, _path, args, options = super().deconstruct()
        options.pop("choices", None)
        if "default" in options:
            options["default"] = str(options["default"])
        return name, "django.db.models.CharField", args, options
