"""One input for a door: a request made by chance, near enough to what is expected."""

import json
import random
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from config.fuzz import words
from config.fuzz.askers import CSRF, Asker
from config.fuzz.doors import Door, Doors, Fields
from config.fuzz.routes import PLACE

LINE_END = b"\r\n"
GENERIC = (
    *(
        "plate",
        "plate_text",
        "reason",
        "note",
        "why",
        "stay",
        "debt",
        "amount_fen",
        "amount",
        "text",
    ),
    *(
        "verdict",
        "answer",
        "action",
        "left_at",
        "arrived_at",
        "sha256",
        "colour",
        "berth",
        "choice",
    ),
    *("do", "plan", "lot", "lock", "phone"),
    *("code", "provider", "section", "minutes", "order"),
    *("number", "next", "key", "index"),
    *("username", "password", "photograph", "_selected_action"),
)
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Input:
    """What goes to the door, and whether it is whole: one that is cut off may go unanswered."""

    door: str
    asker: str
    method: str
    raw: bytes
    whole: bool
    sent: str  # in a few words, for people


def make(chance: random.Random, doors: Doors, askers: list[Asker]) -> Input:
    """The input that this chance draws."""
    kind = chance.choices(("page", "api", "desk"), (40, 38, 22))[0]
    door = chance.choice(doors.by_kind[kind])
    asker = chance.choice([one for one in askers if one.name == "operator" or kind != "desk"])
    if kind == "desk" and chance.random() < 0.05:
        asker = chance.choice(askers)
    method = chance.choice(door.methods) if chance.random() < 0.9 else chance.choice(METHODS)
    path = _path(chance, doors, door)
    query = _query(chance, door)
    target = path + (f"?{query}" if query else "")
    body, headers = b"", {"Host": "127.0.0.1", "Connection": "close"}
    headers["X-Forwarded-For"] = ".".join(str(chance.randrange(1, 255)) for _ in range(4))
    if method not in ("GET", "HEAD", "OPTIONS"):
        body, told = _body(chance, doors, door)
        headers["Content-Type"] = told
    headers |= asker.headers(method, target, body)
    odd = chance.random() < 0.25
    lines = list(headers.items())
    if odd:
        for name, text in chance.choices(words.ODD_HEADERS, k=chance.randrange(1, 3)):
            lines = [one for one in lines if one[0] != name or chance.random() < 0.2]
            lines.append((name, text))
    raw, whole = _written(chance, method, target, lines, body)
    sent = f"{target[:150]} {body[:80]!r}" + (
        f" {lines[-1][0]}: {lines[-1][1][:40]}" if odd else ""
    )
    return Input(door.route, asker.name, method, raw, whole, sent)


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "QUERY", "FOO")


def _path(chance: random.Random, doors: Doors, door: Door) -> str:
    turn = chance.random()
    if turn < 0.65 or "<" not in door.route:
        path = doors.path_to(door, chance)
        return path if turn < 0.62 else path + quote(words.text(chance)[:3000])

    def place(found: Any) -> str:
        if chance.random() < 0.4:
            return str(doors.known(found[1] or "str", found[2], chance))
        if found[1] == "int":
            return chance.choice(("0", "9" * 19, "9" * 400, "9" * 5000, "-1", "²", "1e3"))
        return quote(words.text(chance)[:5000], safe="/" if chance.random() < 0.1 else "")

    return PLACE.sub(place, door.route)


def _query(chance: random.Random, door: Door) -> str:
    if chance.random() < 0.5:
        return ""
    names = [*door.query, *chance.choices(words.NAMES, k=chance.randrange(1, 5))]
    if chance.random() < 0.03:
        return "&".join(f"{name}=1" for name in names * chance.choice((10, 500)))[:60_000]
    pairs = [(name, words.text(chance)[:6000]) for name in names if chance.random() < 0.7]
    if chance.random() < 0.1:
        return quote(words.text(chance)[:6000], safe="=&%+;[]")
    return urlencode(pairs, errors="replace")


def _body(chance: random.Random, doors: Doors, door: Door) -> tuple[bytes, str]:
    """A body and its kind."""
    odd_kind = chance.choice(words.KINDS) if chance.random() < 0.05 else ""
    turn = chance.random()
    if door.kind == "api" and turn < 0.65:
        value = _from_schema(chance, doors, chance.choice(door.bodies or [{}]), 0)
        return json.dumps(value).encode(), odd_kind or JSON
    if turn < 0.1 or (door.kind == "api" and turn < 0.85):
        return words.deep_json(chance), odd_kind or JSON
    if turn > 0.97:
        return words.file(chance), odd_kind or chance.choice(("image/jpeg", JSON, FORM))
    form = dict(chance.choice(door.forms)) if door.forms else {}
    if not form or chance.random() < 0.2:
        form |= {name: [] for name in chance.choices(GENERIC, k=5)}
    if turn > 0.75:
        body, kind = _multipart(chance, form)
        return body, odd_kind or kind
    pairs = _filled(chance, form)
    if chance.random() < 0.01:
        pairs += [(f"x{at}", "1") for at in range(20_000)]
    return urlencode(pairs, errors="replace").encode(), odd_kind or FORM


def _filled(chance: random.Random, form: Fields) -> list[tuple[str, str]]:
    """The fields of a form: most as it has them, some by hostile hands, some twice, some not."""
    pairs = [("csrfmiddlewaretoken", CSRF)]
    for name, known in form.items():
        if name == "csrfmiddlewaretoken":
            continue
        for _time in range(chance.choice((0, 1, 1, 1, 1, 1, 1, 1, 2))):
            usual = known and chance.random() < 0.6
            pairs.append((name, chance.choice(known) if usual else words.text(chance)[:20_000]))
    return pairs


def _multipart(chance: random.Random, form: Fields) -> tuple[bytes, str]:
    mark = "----bowei"
    parts = []
    for name, text in _filled(chance, form):
        head = f'Content-Disposition: form-data; name="{name}"'
        if "photograph" in name or "file" in name or chance.random() < 0.05:
            file_name = chance.choice(words.FILE_NAMES)
            head += f'; filename="{file_name}"\r\nContent-Type: {chance.choice(words.KINDS)}'
            parts.append(head.encode(errors="replace") + b"\r\n\r\n" + words.file(chance))
        else:
            parts.append(
                head.encode(errors="replace") + b"\r\n\r\n" + text.encode(errors="replace")
            )
    if chance.random() < 0.02:
        parts *= 300
    body = b"".join(b"--" + mark.encode() + b"\r\n" + part + b"\r\n" for part in parts)
    end = b"--" + mark.encode() + b"--\r\n"
    turn = chance.random()
    if turn < 0.05:
        body = body[: chance.randrange(len(body) + 1)]
    elif turn < 0.95:
        body += end
    return body, f"multipart/form-data; boundary={mark}"


def _from_schema(chance: random.Random, doors: Doors, schema: dict[str, Any], depth: int) -> Any:
    """A value near what the document asks for."""
    if "$ref" in schema:
        schema = doors.schemas[schema["$ref"].rpartition("/")[2]]
    if chance.random() < 0.12 or depth > 5:
        return words.value(chance)
    for several in ("oneOf", "anyOf", "allOf"):
        if schema.get(several):
            return _from_schema(chance, doors, chance.choice(schema[several]), depth + 1)
    if "enum" in schema:
        return chance.choice(schema["enum"])
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = chance.choice(kind)
    if kind == "object" or "properties" in schema:
        told = {
            name: _from_schema(chance, doors, part, depth + 1)
            for name, part in schema.get("properties", {}).items()
            if chance.random() < 0.9
        }
        return told | ({words.text(chance): words.value(chance)} if chance.random() < 0.1 else {})
    if kind == "array":
        many = chance.choice((0, 1, 2, 3, 200 if depth < 3 else 1))
        return [
            _from_schema(chance, doors, schema.get("items", {}), depth + 1) for _ in range(many)
        ]
    if kind in ("integer", "number"):
        return chance.choice((0, 1, -1, 7, 2**31, 2**53, 2**63, 10**30, 1.5))
    if kind == "boolean":
        return chance.random() < 0.5
    if schema.get("format") == "date-time":
        return chance.choice(("2026-03-02T09:00:00+08:00", "9999-12-31T23:59:59Z", "0001-01-01"))
    pool = [*doors.values["code"], *doors.values["number"], "沪A12345", "blue", "A-001", "road"]
    return chance.choice(pool) if chance.random() < 0.5 else words.text(chance)


def _written(
    chance: random.Random, method: str, target: str, lines: list[tuple[str, str]], body: bytes
) -> tuple[bytes, bool]:
    """The request as it goes over the line, and whether it is whole."""
    turn, whole = chance.random(), True
    written = [f"{name}: {text}".encode("latin-1", errors="replace") for name, text in lines]
    told = {name.lower() for name, _text in lines}
    if body and "transfer-encoding" not in told and "content-length" not in told:
        if turn < 0.06:
            written.append(b"Transfer-Encoding: chunked")
            body = _chunked(chance, body)
        elif turn < 0.08:
            written.append(b"Content-Length: %d" % (len(body) + chance.choice((-1, 1, 5000))))
            whole = False
        else:
            written.append(b"Content-Length: %d" % len(body))
    else:
        whole = not told & {"transfer-encoding", "content-length"}
    head = f"{method} {target} HTTP/1.1".encode("ascii", errors="replace")
    raw = LINE_END.join([head, *written, b"", b""]) + body
    if turn > 0.995:
        at = chance.randrange(len(head) + 40)
        raw, whole = raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :], False
    return raw, whole


def _chunked(chance: random.Random, body: bytes) -> bytes:
    size = chance.choice((1000, 60_000)) if len(body) > 2000 else chance.choice((1, 7, 1000))
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
