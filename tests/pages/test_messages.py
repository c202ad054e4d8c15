"""Every text of the interface is said in Chinese and in English."""

import pytest

from core.management.commands import messages


@pytest.mark.parametrize("app", messages.APPS)
def test_every_text_of_the_app_has_its_chinese(app):
    assert messages.faults_of(app) == []


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
