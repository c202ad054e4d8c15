"""Columns that several rows have."""

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from core.money import MOST_FEN, MOST_PAYMENT_FEN


class MoneyField(models.BigIntegerField):
    """Whole fen, 0 or more unless `signed` (DESIGN §4.5).

    Two bounds: what a person types ends at MOST_PAYMENT_FEN, with a sentence; the column itself
    ends at MOST_FEN, because fees, debts and statements add up.
    """

    def __init__(self, *args: Any, signed: bool = False, **kwargs: Any) -> None:
        self.signed = signed
        super().__init__(*args, **kwargs)

    @cached_property
    def validators(self) -> list[Any]:
        most = MaxValueValidator(
            MOST_PAYMENT_FEN, _("One amount is at most ¥100,000,000.00 (%(limit_value)s fen).")
        )
        return [*super().validators, most, *([] if self.signed else [MinValueValidator(0)])]

    def db_check(self, connection: Any) -> str:
        least = -MOST_FEN if self.signed else 0
        return f"{connection.ops.quote_name(self.column)} BETWEEN {least} AND {MOST_FEN}"

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, **({"signed": True} if self.signed else {})}
