"""What Bowei is made of is told whole, and its known holes are asked for."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from config.local import advisories, sbom
from config.local.stop import Stop

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("sbom") / "bowei.cdx.json"
    sbom.write(out)
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def test_it_is_as_the_published_schema_wants_it(told: dict[str, Any]) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(told)) is None


def test_every_pin_stands_there_with_version_and_hash(told: dict[str, Any]) -> None:
    found = {one["name"]: one for one in told["components"]}
    assert found.keys() >= sbom.pins().keys()
    django = found["django"]
    assert f"Django=={django['version']}" in (ROOT / "requirements.txt").read_text().split()
    assert (django["purl"], django["scope"]) == (f"pkg:pypi/django@{django['version']}", "required")
    assert django["licenses"] == [{"expression": "BSD-3-Clause"}]
    (hashed,) = django["properties"]
    assert hashed["name"] == "bowei:files-sha256" and len(hashed["value"]) == 64
    assert found["pytest"]["scope"] == "excluded"  # tests only
    assert found["asgiref"]["scope"] == "required"  # Django's
    assert found["openpyxl"]["scope"] == "required"  # by an extra of an extra
    assert "finder.onnx" in found


def test_what_needs_what_is_told(told: dict[str, Any]) -> None:
    needs = {one["ref"]: one["dependsOn"] for one in told["dependencies"]}
    django = next(one for one in needs["bowei"] if one.startswith("pkg:pypi/django@"))
    assert any(one.startswith("pkg:pypi/asgiref@") for one in needs[django])
    known = {one["bom-ref"] for one in told["components"]} | {"bowei"}
    assert {one for asked in needs.values() for one in asked} | set(needs) <= known


def test_the_same_pins_have_the_same_number(told: dict[str, Any]) -> None:
    assert sbom.bill()["serialNumber"] == told["serialNumber"]


def test_another_version_than_the_pinned_one_is_no_bill(tmp_path: Path) -> None:
    for name in (*sbom.NAMES, "pyproject.toml"):
        (tmp_path / name).write_text("")
    (tmp_path / "requirements.txt").write_text("Django==1.0\n")
    with pytest.raises(Stop, match=r"django .* is installed, and 1\.0 is pinned"):
        sbom.bill(tmp_path)


# ── Known holes ─────────────────────────────────────────────────────────────────────────────────
@contextmanager
def advising(holes: dict[str, list[str]], *, short: bool = False) -> Iterator[str]:
    """A source of advisories that answers as OSV's manual says."""

    class Source(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            names = [one["package"]["name"] for one in body["queries"]]
            results = [
                {"vulns": [{"id": hole} for hole in holes[name]]} if name in holes else {}
                for name in names
            ]
            answer = json.dumps({"results": results[:1] if short else results}).encode()
            self.send_response(200 if self.path == "/v1/querybatch" else 404)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Source)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_a_known_hole_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with advising({"django": ["PYSEC-2026-1"]}) as source:
        monkeypatch.setenv("BOWEI_ADVISORIES", source)
        version = sbom.pins()["django"][0]
        assert advisories.audit() == (1, [f"django {version}: PYSEC-2026-1"])
    with advising({}) as source:
        monkeypatch.setenv("BOWEI_ADVISORIES", source)
        status, (said,) = advisories.audit()
    assert (status, said.endswith("no known holes.")) == (0, True)


def test_a_source_that_cant_be_asked_is_not_no_holes(monkeypatch: pytest.MonkeyPatch) -> None:
    with advising({}, short=True) as source:
        monkeypatch.setenv("BOWEI_ADVISORIES", source)
        assert advisories.audit()[0] == 2
    status, (said,) = advisories.audit()  # nobody listens there any more
    assert status == 2 and "is not known" in said
