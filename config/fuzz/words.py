"""What hostile hands type, by kind: each a small grammar, drawn by the chance that is given."""

import json
import random
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

from PIL import Image

TEXTS = (
    *(
        "",
        " ",
        "\0",
        "\x07",
        "\x1b[31m",
        "\ufeff",
        "\u202e沪A12345",
        "\u200b",
        "💩",
        "👨‍👩‍👧‍👦",
        "ﷺ" * 40,
    ),
    *("²", "٣", "①", "½", "1e400", "-1e400", "NaN"),
    *("Infinity", "-0", "1_0", "0x10", "1e3", "+1"),
    *("0", "-1", "1.5", "9" * 19),
    *(str(2**63), str(-(2**63) - 1), "9" * 400, "9" * 5000),
    *("0001-01-01", "9999-12-31"),
    *("9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59"),
    *("2026-02-30", "2026-03-02T25:00", "2026-03-02T09:00:00.0000000001Z", "24:00"),
    *("' OR 1=1 --", "1;DROP TABLE accounts_user", "%' ESCAPE 'x", "\\"),
    *("%", "_", "\\x00"),
    *(
        "<script>alert(1)</script>",
        "{{ settings.SECRET_KEY }}",
        "{% include 'x' %}",
        "${7*7}",
        "%s%n",
    ),
    *(
        "../../etc/passwd",
        "..%2f..%2fetc",
        "/etc/passwd\0.jpg",
        "C:\\boot.ini",
        "file:///etc/passwd",
    ),
    *(
        "a\r\nSet-Cookie: x=1",
        "a\nb",
        "a\tb",
        "\u2028",
        "%0d%0aX: y",
        "http://evil.example/",
        "//evil",
    ),
    *(
        "沪A12345",
        "沪C88Q61",
        "京AD12345",
        "沪A1234Ｏ",
        "粤Z1234港",
        "A" * 5000,
        "中" * 5000,
        "é",
        "e\u0301",
    ),
    *(
        "null",
        "true",
        "[]",
        "{}",
        "None",
        "undefined",
        "__proto__",
        "constructor",
        "id__gt",
        "a__b__c",
    ),
)
HALF = ("\ud800", "a\udfffb")  # halves of characters: only JSON can write them
NAMES = (
    *(
        "page",
        "page_size",
        "sort",
        "state",
        "plate",
        "berth",
        "section",
        "order",
        "search",
        "q",
        "why",
    ),
    *(
        "since",
        "until",
        "day",
        "from",
        "to",
        "file",
        "version",
        "lang",
        "next",
        "do",
        "stay",
        "debt",
    ),
    *("o", "p", "e", "all", "_popup"),
    *("_to_field", "_changelist_filters", "_facets", "action"),
    *("id__exact", "state__exact", "at__gte"),
    *("arrived_at__year", "merchant__id__exact", "pk__in"),
)
DEEP = (
    lambda n: b"[" * n + b"]" * n,
    lambda n: b'{"a":' * n + b"1" + b"}" * n,
    lambda n: b"[" * n,
    lambda n: b"[" + b"[]," * n + b"[]]",
    lambda n: b"{" + b",".join(b'"%d":1' % at for at in range(n)) + b"}",
    lambda n: b'{"a":' + b"9" * n + b"}",
    lambda n: b'{"a":1e' + b"9" * n + b"}",
    lambda n: b'{"a":"' + b"\\u0041" * n + b'"}',
)
BROKEN = (
    *(
        b"",
        b"{",
        b"[]",
        b"7",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"{'a':1}",
        b"nul",
    ),
    *(b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":-Infinity}'),
    *(b'{"a":1}{"b":2}', b'{"a":01}', b"\0"),
)
FILE_NAMES = (
    *("a.jpg", "", ".", ".."),
    *("../../x.jpg", "a" * 5000 + ".jpg", "a\0.jpg", "a.jpg\r\nX: y"),
    *("照片.jpg", "\u202egpj.exe", "CON", "a.svg"),
    *("a/b/c.png", "a\\b.png", "'\"; --.jpg"),
)
KINDS = (
    *("application/json", "text/plain", "application/x-www-form-urlencoded"),
    *("text/xml", "", "*/*"),
    *("multipart/form-data", "multipart/form-data; boundary="),
    *("multipart/form-data; boundary=é"),
    *("application/json; charset=utf-32"),
    *("application/x-www-form-urlencoded; charset=nonsense"),
    *(
        "image/jpeg",
        "a" * 3000,
        "application/json;" * 50,
        "multipart/form-data; boundary=" + "b" * 300,
    ),
)
ODD_HEADERS: tuple[tuple[str, str], ...] = (
    ("Accept", "text/html"),
    ("Accept", "application/json;q=nonsense, */*;q=9"),
    ("Accept", "application/*;version=" + "9" * 400),
    ("Accept-Language", "zh-hans;q=0.000000000000001, " + "en," * 200),
    ("Accept-Language", "\u00ff"),
    ("Accept-Encoding", "gzip, br;q=2, \u00e9"),
    ("Host", "evil.example"),
    ("Host", "a" * 300),
    ("Host", "["),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "gopher"),
    ("X-HTTP-Method-Override", "DELETE"),
    ("HX-Request", "true"),
    ("HX-Current-URL", "http://[::1"),
    ("HX-Target", "\u00e9%00"),
    ("Range", "bytes=0-9999999999999999999"),
    ("If-Modified-Since", "Sat, 99 Feb 99999 99:99:99 GMT"),
    ("If-None-Match", '"' * 200),
    ("Authorization", "Bearer"),
    ("Authorization", "Basic ////"),
    ("Authorization", "Bearer \u00e9"),
    ("Referer", "http://[bad"),
    ("Origin", "null"),
    ("Cookie", "sessionid=" + "a" * 3000),
    ("Cookie", 'sessionid=\u00e9; csrftoken="\\'),
    ("Cookie", "messages=x; bowei_browser=a:b:c; django_language=../../x"),
    ("Idempotency-Key", "\u00e9" * 100),
    ("Idempotency-Key", "k" * 5000),
    ("X-Bowei-Time", "9" * 400),
    ("X-Bowei-Time", "\u00b2"),
    ("X-Sandbox-Signature", "\u00e9"),
    ("X-Sandbox-Timestamp", "\u00b2"),
    ("Wechatpay-Timestamp", "1e400"),
    ("Expect", "100-continue"),
    ("Content-Encoding", "gzip"),
    ("Content-Length", "-1"),
    ("Content-Length", "9" * 30),
    ("Transfer-Encoding", "gzip, chunked"),
    ("Upgrade", "websocket"),
    ("Connection", "upgrade, keep-alive, close"),
    ("X-Long", "a" * 60_000),
    ("X-Very-Long", "a" * 200_000),
)


def text(chance: random.Random) -> str:
    """A word of hostile hands: one of the list, two of them, or one that was changed."""
    word = chance.choice(TEXTS)
    turn = chance.random()
    if turn < 0.15:
        return word + chance.choice(TEXTS)
    if turn < 0.25:
        return word[: chance.randrange(len(word) + 1)]
    if turn < 0.3:
        return "".join(chr(chance.choice((chance.randrange(1, 0xD800), 65))) for _ in range(12))
    return word


def value(chance: random.Random, depth: int = 0) -> Any:
    """A JSON value of any kind."""
    turn = chance.random()
    if turn < 0.5 or depth > 3:
        return chance.choice((text(chance), text(chance), chance.choice(HALF)))
    if turn < 0.8:
        numbers = (0, -1, 1, 2**31, 2**53, 2**62, 2**63, 10**30, 1.5, 1e308, True, False, None)
        return chance.choice(numbers)
    if turn < 0.9:
        return [value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {text(chance): value(chance, depth + 1) for _ in range(chance.randrange(4))}


def deep_json(chance: random.Random) -> bytes:
    """JSON that is too deep, too wide, too long, or none."""
    if chance.random() < 0.5:
        return chance.choice(BROKEN)
    return chance.choice(DEEP)(chance.choice((30, 33, 1000, 20_000, 150_000)))


# ── Files ────────────────────────────────────────────────────────────────────────────────────
def picture(size: tuple[int, int] = (64, 48), kind: str = "JPEG") -> bytes:
    """A small photograph as it should be."""
    file = BytesIO()
    Image.new("RGB", size, "olive").save(file, kind)
    return file.getvalue()


def png_bomb(side: int) -> bytes:
    """A small file that says to be `side` pixels square."""
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1_000_000, 9)
    chunks = ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def jpeg_bomb() -> bytes:
    """A photograph whose head says that it has 65,535 pixels a side."""
    data = bytearray(picture())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    return bytes(data)


FILES: tuple[Callable[[], bytes], ...] = (
    picture,
    lambda: picture(kind="PNG"),
    lambda: picture(kind="WEBP"),
    lambda: picture()[:200],
    lambda: picture() + b"PK\x03\x04" + b"\0" * 1000,
    lambda: picture((4000, 3000)),
    lambda: png_bomb(60_000),
    lambda: png_bomb(7000),
    jpeg_bomb,
    lambda: b"",
    lambda: b"GIF89a" + b"\0" * 50,
    lambda: b"%PDF-1.7",
    lambda: b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    lambda: b"PK\x03\x04" + zlib.compress(b"\0" * 5_000_000, 9),
    lambda: b"\xff\xd8" + b"\xff" * 100_000,
    lambda: b"\xff\xd8\xff\xe1\xff\xff" + b"\0" * 10,
    lambda: b"RIFF\xff\xff\xff\xffWEBPVP8X" + b"\0" * 40,
    lambda: b"BM" + b"\xff" * 60,
    lambda: b"berth_code,plate\r\n" + b"=1+1,@SUM(A1)\r\n" * 50,
)


def file(chance: random.Random) -> bytes:
    """A file as a stranger sends it; now and then one that is larger than is taken."""
    if chance.random() < 0.01:
        return b"\xff\xd8\xff" + b"\0" * (13 * 1024 * 1024)
    data = bytearray(chance.choice(FILES)())
    if data and chance.random() < 0.3:
        for _ in range(chance.choice((1, 5, 50))):
            data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def _chunk(name: bytes, data: bytes) -> bytes:
    check = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)


# ── What devices say ─────────────────────────────────────────────────────────────────────────
def frame(chance: random.Random, messages: dict[str, list[str]]) -> bytes | str:
    """One message on a device's socket: nearly right, quite wrong, or too large.

    `messages`: the fields of what devices may say, by name.
    """
    turn = chance.random()
    if turn < 0.1:
        return deep_json(chance)[: 64 * 1024 - 1]
    if turn < 0.15:
        return b"\x00\xff" * chance.randrange(1, 500)
    if turn < 0.2:
        return deep_json(chance).decode("latin-1")[: 64 * 1024 - 1]
    if turn < 0.22:
        return "a" * (70 * 1024)
    name = chance.choice([*messages, "NoSuchThing"])
    payload: Any = {one: value(chance) for one in messages.get(name, []) if chance.random() < 0.9}
    if chance.random() < 0.1:
        payload = value(chance)
    kind = chance.choice((2, 2, 2, 2, 3, 4, 5, "2", None))
    parts = [kind, (text(chance) + str(chance.random()))[-36:], name, payload]
    told = json.dumps(parts[: chance.choice((4, 4, 4, 4, 4, 3, 2, 1))])
    return told if chance.random() < 0.9 else told.encode()
