"""The operator's desk speaks the reader's language, whole: Chinese to one, English to the other."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets, get_fields_from_path, label_for_field
from django.test import RequestFactory
from django.utils import translation

from accounts.models import User
from core.views import DeskWords

CHINESE = re.compile("[\u4e00-\u9fff]")
SCRIPTS = Path(admin.__path__[0]) / "static" / "admin" / "js"
ASKED = re.compile(r"""(?<![np])gettext\(\s*(?:'([^'\n]+)'|"([^"\n]+)")""")
THE_SAME = {"ID"}  # in both languages


@pytest.fixture
def asked(rf: RequestFactory) -> Any:
    request = rf.get("/")
    request.user = User(is_superuser=True, is_staff=True, is_active=True)
    return request


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_head_choice_filter_action_and_help_is_in_the_readers_language(asked, language):
    with translation.override(language):
        words = {(where, str(word)) for where, word in _words(asked) if word}
        wrong = {
            (where, word)
            for where, word in words - {(where, same) for where, _ in words for same in THE_SAME}
            if bool(CHINESE.search(word)) != (language != "en")
        }
    assert len(words) > 500
    assert wrong == set()


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_scripts_of_the_desk_have_their_words(rf: RequestFactory, language):
    """Choose all, remove, a picker's months: the theme's forms ask for them in the browser."""
    files = [path for path in SCRIPTS.rglob("*.js") if "vendor" not in path.parts]
    texts = {one or other for path in files for one, other in ASKED.findall(path.read_text())}
    assert "Choose all %s" in texts
    with translation.override(language):
        said = DeskWords()
        said.translation = _catalogue(language)
        shown = {text: said.get_catalog().get(text, text) for text in texts}
    wrong = {
        text: word
        for text, word in shown.items()
        if bool(CHINESE.search(word)) != (language != "en")
    }
    assert wrong == {}


def _catalogue(language: str) -> Any:
    from django.utils.translation.trans_real import DjangoTranslation

    place = Path(apps.get_app_config("admin").path) / "locale"
    return DjangoTranslation(language, domain="djangojs", localedirs=[str(place)])


def _words(asked: Any) -> Iterator[tuple[str, Any]]:
    """Where a word stands on the desk, and the word."""
    for model, desk in admin.site._registry.items():
        meta = model._meta
        yield meta.app_label, meta.app_config.verbose_name
        yield meta.label, meta.verbose_name
        yield meta.label, meta.verbose_name_plural
        for name, (_deed, _name, words) in desk.get_actions(asked).items():
            yield f"{meta.label} {name}", words
        for narrowed in desk.list_filter:
            by = narrowed[0] if isinstance(narrowed, tuple) else narrowed
            if isinstance(by, str):
                yield from _of_field(f"{meta.label} by", get_fields_from_path(model, by)[-1])
            else:
                yield f"{meta.label} by", by.title
        yield from _of_place(asked, desk, [*desk.get_list_display(asked)])
        for inline in (kind(model, admin.site) for kind in desk.inlines):
            yield f"{meta.label} rows", inline.verbose_name
            yield f"{meta.label} rows", inline.verbose_name_plural
            yield from _of_place(asked, inline, [])


def _of_place(asked: Any, place: Any, names: list[Any]) -> Iterator[tuple[str, Any]]:
    """Heads of a list or of rows, and every field of its forms, to read and to type."""
    model = place.model
    typed: dict[str, Any] = {}
    for row in (model(), None):
        names += flatten_fieldsets(place.get_fieldsets(asked, row))
        if hasattr(place, "get_form") and place.has_add_permission(asked):
            typed |= place.get_form(asked, row, change=row is not None).base_fields
    for name in dict.fromkeys(names):
        where = f"{model._meta.label}.{name if isinstance(name, str) else name.__name__}"
        if name in typed:
            yield where, typed[name].label
            yield where, typed[name].help_text
            yield where, getattr(typed[name].widget, "empty_label", None)
        else:
            yield where, label_for_field(name, model, place)
    for field in model._meta.get_fields():
        if field.name in {name if isinstance(name, str) else name.__name__ for name in names}:
            yield from _of_field(model._meta.label, field)


def _of_field(where: str, field: Any) -> Iterator[tuple[str, Any]]:
    yield f"{where}.{field.name}", field.verbose_name
    yield f"{where}.{field.name}", getattr(field, "help_text", "")
    for _value, word in getattr(field, "flatchoices", None) or []:
        yield f"{where}.{field.name}", word
