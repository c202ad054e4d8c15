"""Each state is declared once, and every place that shows or compares one takes it from there."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models
from django.utils import translation

from core import states
from core.fields import StateField
from core.models import StatefulModel
from core.states import States
from core.templatetags.bowei import state as pill

ROOT = Path(settings.BASE_DIR)
EVERY = [(subject, one) for subject, kind in states.subjects().items() for one in kind]
STATEFUL = [model for model in apps.get_models() if issubclass(model, StatefulModel)]


def states_of(model: type[StatefulModel]) -> type[States]:
    found: type[States] = model.State  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize(
    ("subject", "one"), EVERY, ids=[f"{subject}.{one}" for subject, one in EVERY]
)
def test_a_state_has_a_shape_and_a_word_in_both_languages(subject: str, one: States) -> None:
    sprite = (ROOT / "static/bowei/icons.svg").read_text()
    assert f'id="{one.shape.icon}"' in sprite
    with translation.override("en"):
        assert pill(subject, str(one))["word"] == one.word
    with translation.override("zh-hans"):
        chinese = pill(subject, one)["word"]
    assert chinese != one.word
    assert not chinese.isascii()


@pytest.mark.parametrize("model", STATEFUL, ids=lambda model: model.__name__)
def test_a_stateful_row_takes_column_moves_and_constraint_from_its_states(
    model: type[StatefulModel],
) -> None:
    declared = states_of(model)
    assert declared in states.subjects().values()
    assert isinstance(model._meta.get_field("state"), StateField)
    moves = {*model.MOVES, *(target for targets in model.MOVES.values() for target in targets)}
    assert all(isinstance(one, declared) for one in moves)
    allowed = models.Q(state__in=[one.value for one in declared])
    conditions = [
        one.condition for one in model._meta.constraints if isinstance(one, models.CheckConstraint)
    ]
    assert allowed in conditions


def test_pages_files_and_the_desk_say_the_same_word() -> None:
    for model in STATEFUL:
        for one in states_of(model):
            with translation.override("zh-hans"):
                shown = model(state=str(one)).get_state_display()  # type: ignore[attr-defined]
                subject = next(
                    name for name, kind in states.subjects().items() if kind is type(one)
                )
                assert shown == pill(subject, one)["word"]


# ── No state as a bare string ───────────────────────────────────────────────────────────────────
VALUES = {str(one) for _subject, one in EVERY}
ROWS = ["accounts", "devices", "payments", "parking", "arrears", "recovery", "monthlycard"]
ELSEWHERE = {  # words of others that happen to be spelt as a state of ours
    "payments/services/attempts.py": "what a provider says",
    "payments/services/notifications.py": "what a provider says",
    "payments/services/refunds.py": "what a provider says",
    "recovery/views.py": "the steps of a page",
    "monthlycard/rules/admission.py": "the lots' protocol",
    "monthlycard/rules/stays.py": "the lots' protocol",
}


def sources() -> Iterator[Path]:
    for row in [*ROWS, "core", "config"]:
        for path in sorted((ROOT / row).rglob("*.py")):
            inside = path.relative_to(ROOT)
            if {"migrations", "client", "providers"} & set(inside.parts):
                continue
            if path.name != "states.py" and inside.as_posix() not in ELSEWHERE:
                yield path


def is_state(name: str) -> bool:
    bare = name.removesuffix("__in").removesuffix("__exact")
    return bare in ("source", "target") or bare == "state" or bare.endswith("_state")


def literals(node: ast.expr) -> Iterator[ast.Constant]:
    if isinstance(node, ast.Constant) and node.value in VALUES:
        yield node
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        for one in node.elts:
            yield from literals(one)
    elif isinstance(node, ast.IfExp):
        yield from literals(node.body)
        yield from literals(node.orelse)


def bare_states(source: str) -> Iterator[str]:
    """Where a state is written as a string: set, filtered by, compared with, moved from or to."""
    for node in ast.walk(ast.parse(source)):
        told: list[ast.expr] = []
        if isinstance(node, ast.keyword) and node.arg and is_state(node.arg):
            told = [node.value]
        elif isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(isinstance(one, ast.Attribute) and is_state(one.attr) for one in sides):
                told = sides
        elif isinstance(node, ast.Assign) and any(
            isinstance(one, ast.Attribute) and is_state(one.attr) for one in node.targets
        ):
            told = [node.value]
        for one in told:
            for literal in literals(one):
                yield f"{literal.lineno}: {literal.value!r}"


def test_no_state_stands_as_a_bare_string_outside_its_declaration() -> None:
    found = {
        str(path.relative_to(ROOT)): said
        for path in sources()
        if (said := list(bare_states(path.read_text())))
    }
    assert found == {}


@pytest.mark.parametrize(
    "line",
    [
        'rows.filter(state="open")',
        'rows.filter(debt__state__in=["open", "paid"])',
        'stay.state == "due"',
        'stay.plate_state = "settled"',
        'transition(debt, source="open", target="paid", actor="x")',
    ],
)
def test_a_state_as_a_bare_string_is_found(line: str) -> None:
    assert list(bare_states(line))
