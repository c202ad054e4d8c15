"""Seals of former keys are renewed under today's: of every column whose name ends in `_sealed`.

A column `…_digest` beside it is the digest of the same text.
"""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import models, transaction

from core import audit, personal

BATCH = 500
KEYS = "core.keys"  # the subject of entries about our own keys


def columns() -> Iterator[tuple[type[models.Model], str, str]]:
    """Each sealed column: model, its name, and that of the digest beside it, "" without one."""
    for model in apps.get_models():
        names = {field.name for field in model._meta.concrete_fields}
        for name in sorted(one for one in names if one.endswith("_sealed")):
            digest = f"{name.removesuffix('_sealed')}_digest"
            yield model, name, digest if digest in names else ""


def left() -> dict[str, int]:
    """How many seals of former keys each column still has, where it has some."""
    counted = {
        f"{model._meta.label_lower}.{name}": _old(model, name).count()
        for model, name, _digest in columns()
    }
    return {name: number for name, number in counted.items() if number}


def reseal(*, actor: str, digests: bool = False) -> dict[str, int]:
    """Renew every seal of a former key; how many by column. It may be stopped and begun again.

    A row that was written meanwhile keeps what was written. `digests` reckons the digests anew
    too, of all rows: for a new BOWEI_DIGEST_KEY. Raises InvalidToken where a key is missing.
    """
    done: dict[str, int] = {}
    for model, name, digest in columns():
        last, number = 0, 0
        while rows := list(_some(model, name, digest if digests else "", last)):
            number += _renew(model, name, digest if digests else "", rows)
            last = rows[-1][0]
        if number:
            done[f"{model._meta.label_lower}.{name}"] = number
    if done:
        audit.note(KEYS, 0, "resealed", actor=actor, digests=digests, renewed=done)
    return done


def _old(model: type[models.Model], name: str) -> models.QuerySet[Any]:
    newest = {f"{name}__startswith": personal.newest()}
    return model._base_manager.exclude(**{name: ""}).exclude(**newest)


def _some(model: type[models.Model], name: str, digest: str, after: Any) -> models.QuerySet[Any]:
    rows = model._base_manager.exclude(**{name: ""}) if digest else _old(model, name)
    return rows.filter(pk__gt=after).order_by("pk").values_list("pk", name)[:BATCH]


@transaction.atomic
def _renew(model: type[models.Model], name: str, digest: str, rows: list[Any]) -> int:
    number = 0
    for pk, sealed in rows:
        text = personal.unseal(sealed)
        new = {name: personal.seal(text), **({digest: personal.digest(text)} if digest else {})}
        number += model._base_manager.filter(pk=pk, **{name: sealed}).update(**new)
    return number
