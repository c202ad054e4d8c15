"""Model files: two boosters and one register that names them, their data and their figures.

A model is a folder `models/<version>/` with `risk.ubj`, `payment_time.ubj` and `register.json`. It
is loaded only if both files have the SHA-256 that the register says, and this code's portrait
version. The register's own hash names the model in the database.
"""

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from arrears.risk import features
from arrears.risk.calibration import Calibration

FOLDER = Path(__file__).parent / "models"
SHIPPED = "2026-1"
FILES = ("risk.ubj", "payment_time.ubj")


class BadModel(Exception):
    """The files are not what their register says."""


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model that was checked; the boosters are xgboost.Booster."""

    version: str
    sha256: str
    register: dict[str, Any]
    risk: Any = field(repr=False)
    payment_time: Any = field(repr=False)
    calibration: Calibration = field(repr=False)


def read_register(version: str, folder: Path = FOLDER) -> tuple[dict[str, Any], str]:
    """The register of a model and its SHA-256; the files are checked against it."""
    home = folder / version
    try:
        raw = (home / "register.json").read_bytes()
    except OSError as error:
        raise BadModel(f"There is no model {version}.") from error
    register: dict[str, Any] = json.loads(raw)
    for name in FILES:
        found = hashlib.sha256((home / name).read_bytes()).hexdigest()
        if found != register["files"][name]:
            raise BadModel(f"{name} of model {version} is not the file that was registered.")
    if register["portrait"] != features.VERSION or register["features"] != list(features.NAMES):
        raise BadModel(f"Model {version} was made for another portrait.")
    return register, hashlib.sha256(raw).hexdigest()


@lru_cache(maxsize=4)
def load(version: str, folder: Path = FOLDER) -> TrainedModel:
    """The model, ready to be asked. Raises BadModel. Loads XGBoost: call it in workers only."""
    import xgboost as xgb

    register, sha256 = read_register(version, folder)
    boosters = []
    for name in FILES:
        booster = xgb.Booster({"nthread": 1})
        booster.load_model(folder / version / name)
        boosters.append(booster)
    return TrainedModel(
        version=version,
        sha256=sha256,
        register=register,
        risk=boosters[0],
        payment_time=boosters[1],
        calibration=Calibration(
            tuple(register["calibration"]["scores"]), tuple(register["calibration"]["chances"])
        ),
    )


def save(
    *, version: str, register: dict[str, Any], boosters: dict[str, Any], folder: Path = FOLDER
) -> Path:
    """Write a model whole or not at all; an existing version is never overwritten half-way."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder))
    hashes = {}
    for name in FILES:
        boosters[name].save_model(draft / name)
        hashes[name] = hashlib.sha256((draft / name).read_bytes()).hexdigest()
    text = json.dumps(register | {"files": hashes}, indent=1, ensure_ascii=False, sort_keys=True)
    (draft / "register.json").write_text(text + "\n")
    draft.chmod(0o755)
    home = folder / version
    if home.exists():
        shutil.rmtree(home)
    os.replace(draft, home)
    load.cache_clear()
    return home
