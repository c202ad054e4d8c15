"""`./bowei audit`: which pinned packages have known holes, asked of OSV (osv.dev).

Asks with names and versions alone. Where the source can't be reached nothing is known, and it says
so: that is another exit status than "none".
"""

import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from config.local import sbom

SOURCE = "https://api.osv.dev"
NONE, FOUND, UNKNOWN = 0, 1, 2


def source(environment: Mapping[str, str] = os.environ) -> str:
    """Where advisories are asked for: `BOWEI_ADVISORIES`, a mirror that answers as OSV does."""
    return environment.get("BOWEI_ADVISORIES", SOURCE).rstrip("/")


def audit() -> tuple[int, list[str]]:
    """Exit status, and a sentence for each hole, or why nothing is known."""
    pinned = {name: version for name, (version, _file) in sbom.pins().items()}
    asked = [
        {"package": {"ecosystem": "PyPI", "name": name}, "version": version.partition("+")[0]}
        for name, version in pinned.items()
    ]
    try:
        told = _ask(f"{source()}/v1/querybatch", {"queries": asked})["results"]
        if len(told) != len(asked):
            raise ValueError("fewer answers than questions")
        found = [
            f"{name} {version}: {one['id']}"
            for (name, version), answer in zip(pinned.items(), told, strict=True)
            for one in answer.get("vulns", [])
        ]
    except (URLError, OSError, ValueError, KeyError, TypeError) as error:
        why = getattr(error, "reason", None) or error
        return UNKNOWN, [
            f"{source()} can't be asked ({why}): whether the {len(pinned)} pins have known holes "
            "is not known. Ask from where it can be reached, or name a mirror: BOWEI_ADVISORIES."
        ]
    if found:
        return FOUND, found
    return NONE, [f"{len(pinned)} pins, no known holes."]


def _ask(address: str, body: dict[str, Any]) -> dict[str, Any]:
    request = Request(
        address, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urlopen(request, timeout=20) as answer:
        said: dict[str, Any] = json.load(answer)
    return said
