"""`./bowei sbom`: what Bowei is made of, as CycloneDX 1.6, from the pins and what is installed.

A component's `bowei:files-sha256` is the SHA-256 over the hashes that its wheel's RECORD lists: the
same for everybody who installs the same wheel. Networks of the plate reader have that of the file.
"""

import hashlib
import importlib.metadata as installed
import json
import re
import tomllib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from config.local.stop import Stop
from config.local.system import ROOT

NAMES = ("requirements.txt", "requirements-dev.txt", "constraints.txt")
NETWORKS = ROOT / "parking" / "vision" / "networks"
PIN = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)(?:\[(?P<extras>[^]]*)\])?==(?P<version>[^;\s]+)\s*(?:;.*)?"
)
# The installer's own notes beside a wheel's files: another for each place.
NOT_ITS_OWN = ("/INSTALLER", "/REQUESTED", "/direct_url.json", "/RECORD", "/uv_cache.json")


Pins = dict[str, tuple[str, str]]


def pins(root: Path = ROOT) -> Pins:
    """Every pinned package: its plain name → version, and the file that asks for it first."""
    found: Pins = {}
    for name in NAMES:
        for line in (root / name).read_text().splitlines():
            if match := PIN.fullmatch(line.strip()):
                found.setdefault(plain(match["name"]), (match["version"], name))
    return dict(sorted(found.items()))


def plain(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def bill(root: Path = ROOT) -> dict[str, Any]:
    """The whole document. Raises Stop where what is installed is not what is pinned."""
    pinned = pins(root)
    asks = _needs(pinned, root)
    runs = _needed_to_run(pinned, asks)
    components = [_package(name, version, runs) for name, (version, _file) in pinned.items()]
    components += list(_networks())
    about = tomllib.loads((root / "pyproject.toml").read_text()).get("project", {})
    own = {
        "type": "application",
        "bom-ref": "bowei",
        "name": "bowei",
        "version": about.get("version", "0"),
        "description": "Roadside parking: berths, payment, arrears, recovery, monthly cards.",
    }
    asked = [_ref(name, pinned[name][0]) for name in pinned if pinned[name][1] == NAMES[0]]
    needs = [{"ref": "bowei", "dependsOn": sorted(asked)}]
    needs += [
        {
            "ref": _ref(name, version),
            "dependsOn": sorted(_ref(one, pinned[one][0]) for one in asks[name]),
        }
        for name, (version, _file) in pinned.items()
    ]
    said = json.dumps([components, needs], sort_keys=True)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, said)}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
            "component": own,
        },
        "components": components,
        "dependencies": needs,
    }


def write(out: Path | None) -> str:
    """The document as text, also into the file `out`."""
    text = json.dumps(bill(), indent=1, ensure_ascii=False) + "\n"
    if out is not None:
        out.write_text(text, encoding="utf-8")
    return text


def _ref(name: str, version: str) -> str:
    return f"pkg:pypi/{name}@{version}"


def _package(name: str, version: str, runs: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": _ref(name, version),
        "name": name,
        "version": version,
        "purl": _ref(name, version),
        "scope": "required" if name in runs else "excluded",
    }
    wheel = _installed(name)
    if wheel is None:  # for another system, such as xgboost beside xgboost-cpu
        return {**found, "scope": "excluded"}
    if wheel.version.partition("+")[0] != version.partition("+")[0]:
        raise Stop(f"{name} {wheel.version} is installed, and {version} is pinned.")
    if licence := _licence(wheel):
        found["licenses"] = [licence]
    found["properties"] = [{"name": "bowei:files-sha256", "value": _content(wheel)}]
    return found


def _installed(name: str) -> installed.Distribution | None:
    try:
        return installed.distribution(name)
    except installed.PackageNotFoundError:
        return None


def _licence(wheel: installed.Distribution) -> dict[str, Any] | None:
    """Its licence as the wheel says it: an expression, a name, or a classifier."""
    if said := wheel.metadata.get_all("License-Expression"):
        return {"expression": said[0]}
    named = (wheel.metadata.get_all("License") or [""])[0].strip()
    if not named or "\n" in named or len(named) > 60:
        groups = [one for one in wheel.metadata.get_all("Classifier") or [] if "License ::" in one]
        named = groups[0].rpartition(" :: ")[2] if groups else ""
    return {"license": {"name": named}} if named else None


def _content(wheel: installed.Distribution) -> str:
    """The SHA-256 of what its RECORD lists: path and hash of each of the wheel's own files."""
    lines = sorted(
        f"{one.as_posix()} {one.hash.value}"
        for one in wheel.files or []
        if one.hash is not None
        and not one.as_posix().endswith(NOT_ITS_OWN)
        and not one.as_posix().startswith("../")
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _needs(pinned: Pins, root: Path) -> dict[str, set[str]]:
    """Which pinned packages each asks for here, those of extras that somebody asks for too."""
    extras = {name: {""} for name in pinned}
    for name in NAMES:
        for line in (root / name).read_text().splitlines():
            if (match := PIN.fullmatch(line.strip())) and match["extras"]:
                extras[plain(match["name"])].update(match["extras"].split(","))
    needs: dict[str, set[str]] = {name: set() for name in pinned}
    waiting = list(pinned)
    while waiting:
        name = waiting.pop()
        wheel = _installed(name)
        for one in map(Requirement, (wheel.requires or []) if wheel else []):
            wanted = plain(one.name)
            if wanted not in pinned or wanted == name or not _counts(one, extras[name]):
                continue
            needs[name].add(wanted)
            if not one.extras <= extras[wanted]:
                extras[wanted] |= one.extras
                waiting.append(wanted)
    return needs


def _counts(one: Requirement, extras: set[str]) -> bool:
    return one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras)


def _needed_to_run(pinned: Pins, needs: dict[str, set[str]]) -> set[str]:
    """What runs in production: what requirements.txt names, and what that asks for."""
    found: set[str] = set()
    waiting = [name for name, (_version, file) in pinned.items() if file == NAMES[0]]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += needs[name]
    return found


def _networks() -> Iterator[dict[str, Any]]:
    """The plate reader's trained networks."""
    for path in sorted([*NETWORKS.glob("*.onnx"), *NETWORKS.glob("*.pth")]):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        yield {
            "type": "machine-learning-model",
            "bom-ref": f"network:{path.name}",
            "name": path.name,
            "version": digest[:12],
            "hashes": [{"alg": "SHA-256", "content": digest}],
        }
