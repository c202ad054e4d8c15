"""A day's anchor: few lines, signed, which say how far the trail went and what it was.

Kept where whoever holds the database can't reach, it shows also a trail that was rewritten whole.
"""

import json
import logging
import os
from pathlib import Path
from typing import Any

from django.conf import settings

from core import clock
from core.calendar import CITY
from core.models import TrailSeal
from core.trail import content, keys

log = logging.getLogger("bowei.trail")


def make() -> dict[str, Any] | None:
    """An anchor of the trail as it stands; None where nothing is sealed yet."""
    last = TrailSeal.objects.defer("leaves").order_by("-number").first()
    if last is None:
        return None
    said = {
        "trail": content.FORMAT,
        "of": settings.PUBLIC_URL,
        "made_at": clock.real().isoformat(),
        "seal": last.number,
        "upto_entry": last.upto_id,
        "entries": last.total,
        "head": bytes(last.head).hex(),
        "key": keys.public(),
    }
    return {**said, "signature": keys.sign(_bytes(said)).hex()}


def is_ours(anchor: dict[str, Any]) -> bool:
    """Whether we have signed this, by a key that counts."""
    said = {name: value for name, value in anchor.items() if name != "signature"}
    key, signature = str(anchor.get("key")), str(anchor.get("signature"))
    if key not in keys.trusted().values():
        return False
    try:
        return keys.is_signed(_bytes(said), bytes.fromhex(signature), key)
    except ValueError:
        return False


def text(anchor: dict[str, Any]) -> str:
    """As it is kept, printed or sent."""
    return json.dumps(anchor, indent=1, ensure_ascii=False) + "\n"


def keep_daily() -> int:
    """Each night: the anchor as a file of `BOWEI_ANCHORS`, and as a line of the log; 1 if made."""
    anchor = make()
    if anchor is None:
        return 0
    folder = Path(settings.BOWEI_ANCHORS)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    day = clock.real().astimezone(CITY).date()
    path = folder / f"trail-{day.isoformat()}-{anchor['seal']}.json"
    unfinished = path.with_suffix(".new")
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text(anchor))
    unfinished.replace(path)
    log.info(
        "trail.anchored seal=%s entries=%s head=%s signature=%s",
        anchor["seal"],
        anchor["entries"],
        anchor["head"],
        anchor["signature"],
    )
    return 1


def _bytes(said: dict[str, Any]) -> bytes:
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
