"""The layout of templates is for those who read them: it is not sent, and changes no words."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, engines
from django.template.loader import get_template

from config import pictures
from core.layout import fold

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        # between tags and at the edges: nothing
        ("<ul>\n  <li>\n    a\n  </li>\n  <li>b</li>\n</ul>\n", "<ul><li>a</li><li>b</li></ul>"),
        (
            "<p>\n  {% if a %}\n    {{ a }}\n  {% else %}\n    <br>\n  {% endif %}\n</p>",
            "<p>{% if a %}{{ a }}{% else %}<br>{% endif %}</p>",
        ),
        # beside words: one space, as a reader expects
        ("<p>Pay\n   <b>now</b>\n   or\n   later</p>", "<p>Pay <b>now</b> or later</p>"),
        ("{{ a }}\n{% if b %}\n  · {{ b }}\n{% endif %}", "{{ a }} {% if b %}· {{ b }}{% endif %}"),
        ('{% translate "Paid" %}\n<b>{{ a }}</b>', '{% translate "Paid" %} <b>{{ a }}</b>'),
        # a space on one line is meant
        ("<a>CSV</a> <a>XLSX</a>", "<a>CSV</a> <a>XLSX</a>"),
        ("{% if a %} <b>{{ a }}</b>{% endif %}", "{% if a %} <b>{{ a }}</b>{% endif %}"),
        # within a tag: one space; a > of a condition ends nothing
        (
            '<input name="a"\n       {% if b > 1 %}required{% endif %}\n       value="{{ c }}"\n>',
            '<input name="a" {% if b > 1 %}required{% endif %} value="{{ c }}">',
        ),
        ('{% include "x.html"\n   with a=b\n   only %}', '{% include "x.html" with a=b only %}'),
        # what renders nothing brings no space either
        ('{% load a %}\n{% url "x" as y %}\n{{ y }}', '{% load a %}{% url "x" as y %}{{ y }}'),
        # untouched
        ("<pre>\n a\n  b\n</pre>", "<pre>\n a\n  b\n</pre>"),
        ("<textarea>\n a\n</textarea>", "<textarea>\n a\n</textarea>"),
        ("<script>\n  a\n  b\n</script>", "<script>\n  a\n  b\n</script>"),
        (
            "{% blocktranslate trimmed %}\n  a\n  b\n{% endblocktranslate %}",
            "{% blocktranslate trimmed %}\n  a\n  b\n{% endblocktranslate %}",
        ),
    ],
)
def test_a_line_break_means_what_it_means_in_vue(written, sent):
    assert fold(written) == sent
    assert fold(sent) == sent


def test_a_template_of_several_lines_is_rendered_on_one(tmp_path, monkeypatch):
    (tmp_path / "layout-test.html").write_text(
        "<p>\n  {% if\n     a %}\n    yes\n  {% endif %}\n</p>\n"
    )
    monkeypatch.setattr(engines["django"].engine, "dirs", [tmp_path])
    template = get_template("layout-test.html").template
    assert template.render(Context({"a": 1})) == "<p>yes</p>"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(p.parents[1])))
def test_no_line_is_longer_than_people_read(path: Path):
    assert [line for line in path.read_text().splitlines() if len(line) > 120] == []


def test_owners_pages_carry_no_layout(morning, client):
    client.cookies[settings.SESSION_COOKIE_NAME] = pictures.session_of(pictures.OWNER)
    pages = [page for page in pictures.tour() if page.audience == pictures.OWNER]
    assert len(pages) > 10
    for page in pages:
        sent = client.get(page.path).content.decode()
        between = re.sub(r">\s*\n\s*<", "><", sent)
        # As written it is about a sixth; what is left, Django's own widgets lay out.
        assert len(sent) - len(between) <= 0.03 * len(sent), page.name
