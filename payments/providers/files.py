"""Files that providers let us download: unpacked within a bound, and cut into their columns."""

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime

from core.sizes import BILL_BYTES
from payments.providers.base import CITY, BillBroken

_YUAN = re.compile(r"(-?)([0-9]{1,13})(?:\.([0-9]{1,5}))?")


def gunzipped(packed: bytes) -> bytes:
    """A gzip file's text. Raises BillBroken for one that is none, or too large."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        found = unpacker.decompress(packed, BILL_BYTES)
    except zlib.error as error:
        raise BillBroken("not unpacked") from error
    if not unpacker.eof:
        raise BillBroken("cut short, or too large")
    return found


def unzipped(packed: bytes) -> dict[str, bytes]:
    """The files of a zip by name, names in GBK as Windows in China writes them.

    Raises BillBroken for what is none, or too large.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(packed), metadata_encoding="gbk") as files:
            if sum(one.file_size for one in files.infolist()) > BILL_BYTES:
                raise BillBroken("too large")
            return {one.filename: files.read(one) for one in files.infolist()}
    except (zipfile.BadZipFile, ValueError, OSError, zlib.error) as error:
        raise BillBroken("not unpacked") from error


def columns(
    names: list[str], rows: Iterable[list[str]], wanted: Iterable[str]
) -> Iterator[dict[str, str]]:
    """Each row by the names of its head. Raises BillBroken where a wanted column is missing, or a
    row has another number of cells."""
    heads = [name.strip() for name in names]
    if missing := [name for name in wanted if name not in heads]:
        raise BillBroken(f"no column {missing[0]}")
    for cells in rows:
        if len(cells) != len(heads):
            raise BillBroken("a row of another width")
        yield dict(zip(heads, (cell.strip() for cell in cells), strict=True))


def mils(text: str) -> int:
    """Yuan with up to five decimals as thousandths of a fen, without a float between."""
    found = _YUAN.fullmatch(text)
    if found is None:
        raise BillBroken("an amount that is none")
    sign, yuan, rest = found.groups()
    value = int(yuan) * 100_000 + int((rest or "0").ljust(5, "0"))
    return -value if sign else value


def fen(text: str) -> int:
    """Yuan with at most two decimals as fen."""
    whole, rest = divmod(mils(text), 1000)
    if rest:
        raise BillBroken("an amount between two fen")
    return whole


def moment(text: str) -> datetime:
    """The city's time, as bills write it."""
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=CITY)
    except ValueError as error:
        raise BillBroken("a time that is none") from error


def digest(file: bytes) -> str:
    """By which a file is known: SHA-256."""
    return hashlib.sha256(file).hexdigest()
