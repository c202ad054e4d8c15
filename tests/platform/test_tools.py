"""The tools' own tools: the one door of a row, the state of `.venv`, what a process loads."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
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


SERVING = {
    "web": "import config.asgi",
    "worker": "from config.celery import app; app.loader.import_default_modules(); app.finalize()",
    "dispatcher": (
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings'; import django;"
        "django.setup(); import core.management.commands.dispatch; from core import wiring;"
        "wiring.sweeps()"
    ),
}


@pytest.mark.parametrize("process", SERVING)
def test_a_process_that_reads_no_plates_loads_no_network_and_stays_small(process):
    heavy = "{'torch', 'torchvision', 'easyocr', 'cv2', 'xgboost', 'onnxruntime', 'scipy'}"
    program = (
        f"{SERVING[process]}\nimport re, sys; print(sorted({heavy} & set(sys.modules)));"
        "print(int(re.search('VmHWM: *(.*) kB', open('/proc/self/status').read())[1]) // 1024)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    loaded, megabytes = done.stdout.splitlines()
    assert loaded == "[]"
    assert int(megabytes) < 200  # PyTorch alone is more


# ── Installing ──────────────────────────────────────────────────────────────────────────────────
def test_uv_is_set_as_pip_is(tmp_path):
    flags, variables = bootstrap.uv_settings(
        {
            "index-url": "https://mirror.example/simple",
            "extra-index-url": f"file:///nowhere/simple\nfile://{tmp_path}",
            "find-links": f"{tmp_path} /nowhere",
            "cert": "/etc/ca.pem",
            "timeout": "60",
        }
    )

    assert flags == [
        *("--default-index", "https://mirror.example/simple"),
        *("--index", f"file://{tmp_path}"),
        *("--find-links", str(tmp_path)),
    ]
    assert variables == {"SSL_CERT_FILE": "/etc/ca.pem"}
    assert bootstrap.uv_settings({"no-index": "true"}) == (["--no-index"], {})


def wheel(folder: Path, name: str, version: str) -> None:
    """A package of one line."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as out:
        for path, text in files.items():
            out.writestr(path, text)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of two small packages, whose only source is a folder of wheels."""
    shelf = tmp_path / "wheels"
    shelf.mkdir()
    wheel(shelf, "torch", "2.0")
    wheel(shelf, "lamp", "1.0")
    (tmp_path / "requirements.txt").write_text("torch==2.0\nlamp\n")
    (tmp_path / "requirements-dev.txt").touch()
    (tmp_path / "constraints.txt").write_text("lamp==1.0\n")
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    for name in ("VENV", "PYTHON", "STAMP", "UNFINISHED", "HALF", "LOG", "INSTALLING", "CACHE"):
        inside = getattr(bootstrap, name).relative_to(bootstrap.ROOT)
        monkeypatch.setattr(bootstrap, name, tmp_path / inside)
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    return shelf


def lend_uv() -> None:
    """Put this environment's uv into the new one, as pip would from an index."""
    bootstrap._make_environment()
    (site,) = bootstrap.VENV.glob("lib/python*/site-packages")
    info = next(Path(sysconfig.get_path("purelib")).glob("uv-*.dist-info"), None)
    if info is None:
        pytest.skip("pip made this environment, without uv")
    shutil.copytree(info, site / f"{bootstrap.UV.replace('==', '-')}.dist-info")
    (bootstrap.VENV / "bin" / "uv").symlink_to(Path(sys.executable).with_name("uv"))


def imports(*names: str) -> bool:
    program = f"import {', '.join(names)}"
    return subprocess.run([bootstrap.PYTHON, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("with_uv", [True, False])
def test_an_install_that_was_cut_off_goes_on_and_leaves_no_package_half(shelf, capsys, with_uv):
    if with_uv:
        lend_uv()
    bootstrap.ensure(dev=False)
    assert imports("torch", "lamp")
    said = capsys.readouterr().err
    assert ("uv could not do it; trying with pip" in said) is not with_uv
    assert "Installed the packages in" in said

    (lamp,) = bootstrap.VENV.glob("lib/python*/site-packages/lamp.py")
    lamp.unlink()  # its folder of facts was written, it was not yet
    bootstrap.STAMP.unlink()
    bootstrap.HALF.touch()
    bootstrap.ensure(dev=False)

    assert imports("torch", "lamp")
    assert bootstrap.is_current(dev=False)
    assert not bootstrap.HALF.exists()
    assert not bootstrap.CACHE.exists()


def test_a_package_that_nobody_has_is_named_in_one_sentence(shelf, capsys):
    (shelf / "lamp-1.0-py3-none-any.whl").unlink()
    lend_uv()

    assert told(lambda: bootstrap.ensure(dev=False) or 0, log=shelf / "log") == 1

    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("bowei: could not install the packages: ")
    assert not bootstrap.is_current(dev=False)
