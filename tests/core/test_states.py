"""Each state is declared once, and every place that shows or compares one takes it from there."""

import ast
import re
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
from core.templatetags import bowei
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
ELSEWHERE = {  # words of others, and of pages, that no row has as its state
    "payments/services/attempts.py": "what a provider says",
    "payments/services/notifications.py": "what a provider says",
    "payments/services/refunds.py": "what a provider says",
    "recovery/views.py": "the steps of a page",
    "arrears/selectors/dues.py": "how a due is shown, in words of its own",
    "core/templatetags/bowei.py": "a berth of the strip",
    "monthlycard/rules/admission.py": "the lots' protocol",
    "monthlycard/rules/stays.py": "the lots' protocol",
}


def sources() -> Iterator[Path]:
    for row in [*ROWS, "core", "config"]:
        for path in sorted((ROOT / row).rglob("*.py")):
            inside = path.relative_to(ROOT)
            if {"migrations", "client", "providers", "story"} & set(inside.parts):
                continue
            if path.name != "states.py" and inside.as_posix() not in ELSEWHERE:
                yield path


def is_state(name: str) -> bool:
    bare = name.removesuffix("__in").removesuffix("__exact")
    return bare == "state" or bare.endswith("_state")


def is_named(node: ast.expr) -> bool:
    """`stay.state`, `stay["state"]`, `state` and the key `"state"`."""
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name) | ast.Constant(value=str(name)):
            return is_state(name)
        case ast.Subscript(slice=place):
            return is_named(place)
    return False


def given(target: ast.expr, value: ast.expr) -> Iterator[ast.expr]:
    """What a state is given where `target` takes `value`, one by one where both are tuples."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, its in zip(target.elts, value.elts, strict=False):
            yield from given(one, its)
    elif is_named(target):
        yield value


def literals(node: ast.expr) -> Iterator[ast.Constant]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
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
        match node:
            case ast.Call(func=ast.Name(id="transition"), keywords=keywords):
                told = [one.value for one in keywords if one.arg in ("source", "target")]
            case ast.keyword(arg=str(name), value=value) if is_state(name):
                told = [value]
            case ast.Compare(left=left, comparators=others):
                sides = [left, *others]
                if any(is_named(one) for one in sides):
                    told = [one for one in sides if not is_named(one)]
            case ast.Assign(targets=targets, value=value):
                told = [one for target in targets for one in given(target, value)]
            case ast.Dict(keys=keys, values=values):
                told = [one for key, one in zip(keys, values, strict=True) if key and is_named(key)]
            case ast.For(target=target, iter=ast.Tuple(elts=ones) | ast.List(elts=ones)):
                told = [one for each in ones for one in given(target, each)]
            case ast.arguments(defaults=defaults):
                names = [*node.posonlyargs, *node.args]
                pairs = zip(names[len(names) - len(defaults) :], defaults, strict=True)
                more = zip(node.kwonlyargs, node.kw_defaults, strict=True)
                told = [one for name, one in [*pairs, *more] if one and is_state(name.arg)]
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
        'rows.filter(state="opne")',
        'stay.due_fen, stay.state = 0, "setled"',
        'rows.filter(**{"state": "open"})',
        'stay["state"] in ("due", "parked")',
        'for state, name in (("open", "a"), ("paid", "b")):\n    pass',
        'def register(*, state="shadow"):\n    pass',
    ],
)
def test_a_state_as_a_bare_string_is_found(line: str) -> None:
    assert list(bare_states(line))


# What a template compares with that is no row's state: berths of the strip, steps of a page.
SHOWN = {*bowei.BERTH_WORDS, "now", "todo", "window"}
COMPARED = re.compile(r"""\b\w*state\s*(?:==|!=)\s*["'](\w*)["']""")


def words_in(template: str) -> set[str]:
    return set(COMPARED.findall(template))


def test_no_template_compares_with_a_state_that_nobody_declares() -> None:
    found = {
        str(path.relative_to(ROOT)): unknown
        for path in sorted((ROOT / "templates").rglob("*.html"))
        if (unknown := words_in(path.read_text()) - VALUES - SHOWN)
    }
    assert found == {}


def test_a_misspelt_state_of_a_template_is_found() -> None:
    assert words_in('{% if order.state == "payd" %}') - VALUES - SHOWN == {"payd"}
