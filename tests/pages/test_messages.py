"""Every text of the interface is said in Chinese and in English."""

import shutil

import pytest

from core.management.commands import messages


@pytest.mark.parametrize("app", messages.APPS)
def test_every_text_of_the_app_has_its_chinese(app):
    assert messages.faults_of(app) == []


@pytest.mark.parametrize("app", messages.APPS)
def test_writing_the_catalogue_again_changes_nothing(app, tmp_path, monkeypatch):
    kept = messages.catalogue_path(app)
    again = tmp_path / "django.po"
    shutil.copy(kept, again)
    place = messages.catalogue_path
    monkeypatch.setattr(messages, "catalogue_path", lambda x: again if x == app else place(x))

    messages.update(app)
    first = again.read_bytes(), again.with_suffix(".mo").read_bytes()
    messages.update(app)

    assert (again.read_bytes(), again.with_suffix(".mo").read_bytes()) == first
    assert messages._entries(first[0]) == messages._entries(kept.read_bytes())
    assert first[1] == kept.with_suffix(".mo").read_bytes()


def test_a_catalogue_with_babels_guesses_in_it_is_a_fault(tmp_path, monkeypatch):
    kept = messages.catalogue_path("recovery")
    guessed = tmp_path / "django.po"
    text = kept.read_text().replace('msgid "A lock may', '#, python-format\nmsgid "A lock may')
    guessed.write_text(text)
    shutil.copy(kept.with_suffix(".mo"), guessed.with_suffix(".mo"))
    place = messages.catalogue_path
    monkeypatch.setattr(
        messages, "catalogue_path", lambda app: guessed if app == "recovery" else place(app)
    )

    assert messages.faults_of("recovery") == [
        "recovery: the .po file is not written as this command writes it"
    ]


def test_no_text_is_said_in_two_ways():
    assert messages.contradictions() == []


def test_a_template_and_a_module_are_both_read(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        "{% load i18n %}\n   {% translate 'Pay' %}\n{% blocktranslate count n=n %}{{ n }} stay"
        '{% plural %}{{ n }} stays{% endblocktranslate %}{{ x|default:_("Sum") }}'
    )
    module = tmp_path / "module.py"
    module.write_text('pgettext("date", "j M")\n_("one " "text")\n')

    assert set(messages._texts_in(page)) == {
        ("Pay", None),
        (("%(n)s stay", "%(n)s stays"), None),
        ("Sum", None),
    }
    assert set(messages._texts_in(module)) == {("j M", "date"), ("one text", None)}
