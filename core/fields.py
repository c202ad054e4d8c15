"""Columns that several rows have."""

from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_lazy as _

from core.money import MOST_FEN, MOST_PAYMENT_FEN, BadMoney, format_fen, parse_yuan
from core.parse import FIRST_DAY, LAST_DAY, is_ours
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
        super().__init__(widget=forms.DateInput(attrs={"type": "date"}), **kwargs)
        self.validators += [MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)]


class MomentField(forms.DateTimeField):
    """A moment that people type; one that is centuries away cannot be reckoned with."""

    def to_python(self, value: Any) -> Any:
        moment = super().to_python(value)
        if moment is not None and not is_ours(moment.date()):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return moment


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
