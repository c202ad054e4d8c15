"""docs/glossary.md has the words that pages and the admin use, in both languages."""

import re

import pytest
from django.apps import apps
from django.utils.translation import override

from tests.docs.tables import DOCS

ROW = re.compile(r"^\| (\S+) \| (.+?) \| `([a-z]+\.[A-Z]\w+)`", re.MULTILINE)


@pytest.mark.parametrize(
    ("chinese", "english", "label"), ROW.findall((DOCS / "glossary.md").read_text(encoding="utf-8"))
)
def test_a_model_is_called_as_the_glossary_calls_it(chinese, english, label):
    model = apps.get_model(label)
    with override("en"):
        assert str(model._meta.verbose_name) == english
    with override("zh-hans"):
        assert str(model._meta.verbose_name) == chinese


def test_no_two_things_have_one_word():
    words = re.findall(
        r"^\| (\S+) \| (.+?) \|", (DOCS / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    chinese = [word for word, _english in words if word not in ("中文", "---", "|---|---|---|---|")]
    assert len(chinese) == len(set(chinese)) > 40
