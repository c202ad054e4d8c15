"""`manage.py messages`: keep every catalogue complete; `--check` says what is not.

The texts of the code are English; each app keeps their Chinese in
`<app>/locale/zh_Hans/LC_MESSAGES/django.po`, templates of `templates/<app>/` included. What all
pages share (base, components, log-in, error pages) and the texts of the admin's theme, which
brings no Chinese of its own, belong to `core`. No GNU gettext is needed.
"""

import ast
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import trans_real
from django.utils.translation.template import templatize

from core import layout

APPS = ["core", "accounts", "devices", "payments", "parking", "arrears", "recovery", "monthlycard"]
APPS.append("config")
THEME_PARTS = {"filters", "import_export"}  # of unfold.contrib, what settings install
SHARED = ["base", "components", "registration", "admin", "403_csrf.html"]  # templates of core
KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
PLACE = re.compile(r"%(?:\((\w+)\))?[-+0# ]*\d*(?:\.\d+)?([sdifr])")
NOISE = re.compile(
    rb'^"(?:Generated-By|MIME-Version|Project-Id-Version|Report-Msgid|POT-|PO-|Last-Tr|Language-Team)'
    rb"[^\n]*\n",
    re.MULTILINE,
)

Key = tuple[str | tuple[str, str], str | None]  # msgid (with its plural) and context


def catalogue_path(app: str) -> Path:
    """Where the Chinese of `app` is kept."""
    return settings.BASE_DIR / app / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"


def texts_of(app: str) -> dict[Key, str]:
    """Every translatable text of `app` and the first file that says it.

    What `core` says in Chinese already, all may use without saying it again.
    """
    found: dict[Key, str] = {}
    shared = {_key(m) for m in _read(catalogue_path("core")) if m.id} if app != "core" else set()
    for path in _sources(app):
        for key in _texts_in(path):
            if key not in shared:
                found.setdefault(key, str(path.relative_to(settings.BASE_DIR)))
    if app == "core":
        for key in _theme_texts():
            found.setdefault(key, "unfold")
    return found


def _sources(app: str) -> Iterator[Path]:
    base = settings.BASE_DIR
    yield from sorted(p for p in (base / app).rglob("*.py") if "migrations" not in p.parts)
    for name in [app, *(SHARED if app == "core" else [])]:
        place = base / "templates" / name
        if place.is_file():
            yield place
        yield from sorted(p for p in place.rglob("*") if p.suffix in {".html", ".txt"})


def _texts_in(path: Path) -> Iterator[Key]:
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        # What is left of a template is not Python: its indentation means nothing.
        lines = templatize(layout.fold(source), origin=str(path)).splitlines()
        source = "\n".join(line.lstrip() for line in lines)
    stream = io.BytesIO(source.encode())
    options = {"encoding": "utf-8"}
    for _line, msgid, _comments, context in extract("python", stream, KEYWORDS, (), options):
        if isinstance(msgid, tuple):
            yield (str(msgid[0]), str(msgid[1])), context
        elif msgid:
            yield msgid, context


def _theme_texts() -> Iterator[Key]:
    """The theme's own texts, less those that Django already says in Chinese."""
    spec = find_spec("unfold")
    if spec is None or not spec.submodule_search_locations:
        return
    known = _django_texts()
    place = Path(spec.submodule_search_locations[0])
    for path in sorted(p for p in place.rglob("*") if p.suffix in {".py", ".html"}):
        inside = path.relative_to(place).parts
        if {"tests", "migrations"} & set(inside):
            continue
        if inside[0] == "contrib" and inside[1] not in THEME_PARTS:
            continue
        for key in _texts_in(path):
            if key not in known:
                yield key


def _django_texts() -> set[Key]:
    spec = find_spec("django")
    assert spec is not None
    assert spec.submodule_search_locations
    place = Path(spec.submodule_search_locations[0])
    known: set[Key] = set()
    folders = [place / part for part in ("conf", "contrib/admin", "contrib/auth")]
    if (other := find_spec("import_export")) and other.submodule_search_locations:
        folders.append(Path(other.submodule_search_locations[0]))
    for folder in folders:
        po = folder / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
        if po.exists():
            known |= {_key(m) for m in _read(po) if m.id and _said(m)}
    return known


def _key(message: Message) -> Key:
    msgid = message.id
    return (tuple(msgid) if isinstance(msgid, list | tuple) else msgid, message.context)  # type: ignore[return-value]


def _said(message: Message) -> bool:
    strings = message.string if isinstance(message.string, list | tuple) else [message.string]
    return all(strings)


def _empty() -> Catalog:
    """A catalogue whose header says only what a reader of the file needs."""
    catalogue = Catalog(locale="zh_Hans", charset="utf-8", fuzzy=False)
    catalogue.header_comment = "# 简体中文 · Simplified Chinese"
    catalogue.mime_headers = [
        ("Language", "zh_Hans"),
        ("Plural-Forms", "nplurals=1; plural=0;"),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Transfer-Encoding", "8bit"),
    ]
    return catalogue


def _read(path: Path) -> Catalog:
    if not path.exists():
        return _empty()
    with path.open("rb") as file:
        return read_po(file, locale="zh_Hans")


def _literals(app: str) -> set[str]:
    """Every string constant of `app`: a text may be marked elsewhere than where it is shown."""
    found: set[str] = set()
    for path in (settings.BASE_DIR / app).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def _places(text: str) -> list[tuple[str, str]]:
    return sorted(PLACE.findall(text.replace("%%", "")))


def _faults(message: Message) -> Iterator[str]:
    """What is wrong with one translation."""
    shown = message.id if isinstance(message.id, str) else message.id[0]
    if message.fuzzy:
        yield f"fuzzy: {shown!r}"
    if not _said(message):
        yield f"not translated: {shown!r}"
        return
    strings = message.string if isinstance(message.string, list | tuple) else [message.string]
    wanted = _places(str(message.id if isinstance(message.id, str) else message.id[1]))
    for string in strings:
        if _places(string or "") != wanted:
            yield f"other placeholders: {shown!r} → {string!r}"


def faults_of(app: str) -> list[str]:
    """What is missing, wrong, left over or not compiled in the catalogue of `app`."""
    path = catalogue_path(app)
    catalogue = _read(path)
    texts = texts_of(app)
    kept = {_key(m): m for m in catalogue if m.id}
    faults = [f"missing: {key[0]!r} ({file})" for key, file in texts.items() if key not in kept]
    literals = _literals(app)
    for key, message in kept.items():
        faults += _faults(message)
        if key not in texts and key[0] not in literals:
            faults.append(f"said by nobody: {key[0]!r}")
    if not faults and kept and _entries(written(app)) != _entries(path.read_bytes()):
        faults.append("the .po file is not written as this command writes it")
    compiled = path.with_suffix(".mo")
    if kept and (not compiled.exists() or _compiled_texts(compiled) != _texts(catalogue)):
        faults.append("the .mo file is older than the .po file")
    return [f"{app}: {fault}" for fault in faults]


def _entries(text: bytes) -> list[bytes]:
    """The entries of a .po file, whatever their order: it follows the code, which others move."""
    return sorted(text.strip().split(b"\n\n"))


def contradictions() -> list[str]:
    """Texts that two catalogues say differently: only one of them would ever be shown."""
    said: dict[Key, tuple[str, Any]] = {}
    faults = []
    for app in APPS:
        for message in _read(catalogue_path(app)):
            if not message.id or not _said(message):
                continue
            first = said.setdefault(_key(message), (app, message.string))
            if first[1] != message.string:
                faults.append(
                    f"{app}: {message.id!r} is {message.string!r}, in {first[0]} {first[1]!r}"
                )
    return faults


def _texts(catalogue: Catalog) -> dict[tuple[str, str | None], str]:
    """Text and context → Chinese, which has no plural: the first of several is all there is."""

    def first(text: Any) -> str:
        return text if isinstance(text, str) else text[0]

    def plain(context: Any) -> str | None:
        return context.decode() if isinstance(context, bytes) else context

    return {
        (first(m.id), plain(m.context)): first(m.string)
        for m in catalogue
        if m.id and _said(m) and not m.fuzzy
    }


def _compiled_texts(path: Path) -> dict[tuple[str, str | None], str]:
    with path.open("rb") as file:
        return _texts(read_mo(file))


def _compiled(catalogue: Catalog) -> bytes:
    # What does not stand in the file would be this moment, and each run would write another file.
    catalogue.creation_date = catalogue.revision_date = datetime(2026, 3, 2, tzinfo=UTC)
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def update(app: str) -> None:
    """Add the texts of `app` that are new, drop those that nobody says, compile."""
    path = catalogue_path(app)
    text = written(app)
    if not text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    path.with_suffix(".mo").write_bytes(_compiled(_read(path)))


def written(app: str) -> bytes:
    """The catalogue of `app` as this command writes it; nothing where there is nothing to say."""
    kept = {_key(m): m for m in _read(catalogue_path(app)) if m.id}
    texts = texts_of(app)
    if not texts and not kept:
        return b""
    literals = _literals(app)
    new = _empty()
    elsewhere = [
        key for key in kept if key not in texts and key[0] in literals and _said(kept[key])
    ]
    for key in [*texts, *elsewhere]:
        message = kept.get(key)
        added = new.add(
            key[0],
            message.string if message else None,
            context=key[1],
            flags=message.flags if message else (),
            auto_comments=message.auto_comments if message else (),
        )
        added.flags -= {"python-format", "python-brace-format"}  # a guess of Babel's: see _places
    out = io.BytesIO()
    write_po(out, new, width=100, no_location=True, omit_header=False)
    return NOISE.sub(b"", out.getvalue())


class Command(BaseCommand):
    help = "Update the catalogues of all apps and compile them; --check only says what is wrong."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("apps", nargs="*", help="only these apps")
        parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if wrong")

    def handle(self, *args: Any, **options: Any) -> None:
        apps: list[str] = options["apps"] or APPS
        if unknown := set(apps) - set(APPS):
            raise CommandError(f"No such app: {', '.join(sorted(unknown))}.")
        if not options["check"]:
            for app in apps:
                update(app)
            trans_real._translations = {}  # type: ignore[attr-defined]
        faults = [fault for app in apps for fault in faults_of(app)]
        if not options["apps"]:
            faults += contradictions()
        for fault in faults:
            self.stdout.write(fault)
        if faults and options["check"]:
            raise CommandError(f"{len(faults)} texts are not right.")
        self.stdout.write(f"{len(faults)} texts to look at." if faults else "All texts are said.")
