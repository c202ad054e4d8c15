"""Templates are laid out for those who read them; none of the layout is sent.

A line break with the white space around it means, as in Vue's templates and in JSX:

- between two tags, of HTML or of Django, and at the edge of an element or block: nothing;
- beside words (text, `{{ … }}`, `{% translate %}`, `{% blocktranslate %}`): one space;
- within a tag, of HTML or of Django: one space. So a `{% … %}` may take several lines.

White space on one line stays as it is: the space between two links is written between them. Within
`pre`, `textarea`, `script`, `style` and the text of `{% blocktranslate %}` nothing is changed.
"""

import re
from collections.abc import Iterator
from enum import Enum, auto

from django.template import Origin
from django.template.loaders import filesystem


class Loader(filesystem.Loader):
    """Loads from the engine's folders and folds what it has read."""

    def get_contents(self, origin: Origin) -> str:
        return fold(super().get_contents(origin))


class _Kind(Enum):
    OPEN = auto()  # begins an element or block
    MIDDLE = auto()  # {% else %}: ends one branch and begins the next
    CLOSE = auto()
    WORDS = auto()
    TAG = auto()  # stands for itself: <input>, {% include %}
    SILENT = auto()  # renders nothing: {% load %}, {% url … as name %}, a comment


_VOID = "area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr"
_PIECE = re.compile(
    r"(?P<text>\{%\s*(?P<block>blocktranslate|blocktrans|comment|verbatim)\b.*?%\}"
    r".*?\{%\s*end(?P=block)\s*%\})"
    r"|(?P<django>\{%.*?%\})"
    r"|(?P<value>\{\{.*?\}\})"
    r"|(?P<note>\{#.*?#\})"
    r"|(?P<kept><(?P<name>pre|textarea|script|style)\b.*?</(?P=name)>|<!--.*?-->)"
    r"""|(?P<html><[/!]?[a-zA-Z](?:\{%.*?%\}|\{\{.*?\}\}|"(?:\{%.*?%\}|[^"])*"|'(?:\{%.*?%\}|[^'])*'"""
    r"""|[^>"'])*>)""",
    re.DOTALL,
)
_BREAK = re.compile(r"[ \t\r]*\n\s*")


def fold(source: str) -> str:
    """A template's source without what only its layout put there."""
    blocks = set(re.findall(r"\{%\s*end(\w+)", source))
    folded: list[str] = []
    left, at = _Kind.OPEN, 0
    for piece in _PIECE.finditer(source):
        right = _kind(piece, blocks)
        folded += _between(source[at : piece.start()], left, right)
        folded.append(_piece(piece))
        left, at = right, piece.end()
    folded += _between(source[at:], left, _Kind.CLOSE)
    return "".join(folded)


def _kind(piece: re.Match[str], blocks: set[str]) -> _Kind:
    whole = piece.group()
    match piece.lastgroup:
        case "value":
            return _Kind.WORDS
        case "note":
            return _Kind.SILENT
        case "html" | "kept":
            return _kind_of_html(whole)
    words = re.split(r"\s+", whole.partition("%}")[0].removeprefix("{%").strip())
    if words[0] == "comment" or "as" in words[-2:-1] or "asvar" in words:
        return _Kind.SILENT
    if words[0] in {"load", "extends"}:
        return _Kind.SILENT
    if words[0] in {"translate", "trans", "blocktranslate", "blocktrans", "verbatim"}:
        return _Kind.WORDS
    if words[0] in {"else", "elif", "empty"}:
        return _Kind.MIDDLE
    if words[0].startswith("end"):
        return _Kind.CLOSE
    return _Kind.OPEN if words[0] in blocks else _Kind.TAG


def _kind_of_html(whole: str) -> _Kind:
    if whole.startswith("<!"):
        return _Kind.SILENT
    if re.match(rf"<({_VOID}|pre|textarea|script|style)\b", whole) or whole.endswith("/>"):
        return _Kind.TAG
    return _Kind.CLOSE if whole.startswith("</") else _Kind.OPEN


def _piece(piece: re.Match[str]) -> str:
    whole = piece.group()
    if piece["html"]:
        return _BREAK.sub(" ", re.sub(r"\s*\n\s*(?=/?>$)", "", whole))
    if piece["text"]:
        head, end, rest = whole.partition("%}")
        return _BREAK.sub(" ", head) + end + rest
    return whole if piece["kept"] else _BREAK.sub(" ", whole)


def _between(text: str, left: _Kind, right: _Kind) -> Iterator[str]:
    """What stands between two pieces: words and white space."""
    words = text.strip(" \t\r\n")
    if not words:
        yield _gap(text, left, right)
        return
    before, _, after = text.partition(words)
    yield _gap(before, left, _Kind.WORDS)
    yield _BREAK.sub(" ", words)
    yield _gap(after, _Kind.WORDS, right)


def _gap(white: str, left: _Kind, right: _Kind) -> str:
    if "\n" not in white:
        return white
    if left in (_Kind.OPEN, _Kind.MIDDLE, _Kind.SILENT):
        return ""
    if right in (_Kind.MIDDLE, _Kind.CLOSE, _Kind.SILENT):
        return ""
    return " " if _Kind.WORDS in (left, right) else ""
