"""The tools' own tools: the one door of a row, the state of `.venv`, what a process loads."""

import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from config.local import bootstrap
from config.local.one_door import OneDoor
from config.local.stop import Stop, told
from config.local.system import ROOT


def one_door(*imports: tuple[str, str]) -> list[tuple[str, str]]:
    """The imports that the contract refuses."""
    graph = grimp.ImportGraph()
    for importer, imported in imports:
        for module in ("parking", "arrears", importer, imported):
            graph.add_module(module)
        graph.add_import(importer=importer, imported=imported, line_number=1, line_contents="")
    options = {"rows": ["parking", "arrears"], "doors": ["services"], "open_to": ["config"]}
    contract = OneDoor("one door", session_options={}, contract_options=options)
    found = contract.check(graph, verbose=False).metadata["wrong"]
    return [(importer, imported) for importer, imported, _ in found]


def test_a_row_may_use_another_rows_services_and_nothing_deeper():
    assert one_door(("arrears.services", "parking.services.stays")) == []
    assert one_door(("arrears.services", "parking.models")) == [
        ("arrears.services", "parking.models")
    ]


def test_a_row_uses_its_own_rooms_and_the_wiring_uses_all():
    assert one_door(("parking.services", "parking.models")) == []
    assert one_door(("config.wiring", "parking.reactions")) == []


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `.venv` that pip would have filled, for requirements in a folder of the test."""
    for name in (bootstrap.RUNTIME, bootstrap.DEV, bootstrap.CONSTRAINTS):
        (tmp_path / name).write_text("Django==5.2\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / ".venv" / "stamp.json")
    return tmp_path


def test_an_install_counts_only_when_it_was_finished(venv):
    assert not bootstrap.is_current(dev=False)

    bootstrap.remember(dev=False)

    assert bootstrap.is_current(dev=False)
    assert not bootstrap.is_current(dev=True)


@pytest.mark.parametrize("changed", ["requirements.txt", "constraints.txt"])
def test_changed_pins_are_installed_again(venv, changed):
    bootstrap.remember(dev=True)

    (venv / changed).write_text("Django==5.3\n")

    assert not bootstrap.is_current(dev=False)


@pytest.mark.parametrize(
    ("error", "sentence", "status"),
    [
        (Stop("the photo is missing."), "bowei: the photo is missing.", 1),
        (OSError(28, "No space left on device", "/x"), "bowei: the disk is full;", 1),
        (PermissionError(13, "Permission denied", "/x"), "bowei: may not write or read /x;", 1),
        (KeyboardInterrupt(), "bowei: stopped.", 130),
        (ValueError("what"), "bowei: something unexpected happened (ValueError);", 1),
    ],
)
def test_every_failure_is_one_sentence_and_a_status(tmp_path, capsys, error, sentence, status):
    def fail() -> int:
        raise error

    assert told(fail, log=tmp_path / "log" / "bowei.log") == status
    said = capsys.readouterr().err
    assert said.startswith(sentence)
    assert said.count("\n") == 1


def test_a_web_process_loads_no_network_of_the_plate_reader_or_the_risk_model():
    heavy = "{'torch', 'torchvision', 'easyocr', 'cv2', 'xgboost', 'onnxruntime', 'scipy'}"
    program = f"import sys, config.asgi; print(sorted({heavy} & set(sys.modules)))"

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
