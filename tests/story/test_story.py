"""The story, told by its command on servers and processes of its own, as a newcomer runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from parking.vision.drawing import draw_scene

ROOT = Path(__file__).resolve().parent.parent.parent
SERVERS = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "BOWEI_TESTING", "BOWEI_TEST_NAME")
SPOKEN = [f"P0.{n}" for n in range(1, 7)] + [f"P1.{n}" for n in range(1, 7)]
SPOKEN += [f"P2.{n}" for n in range(1, 7)] + [f"P3.{n}" for n in range(1, 5)]
SPOKEN += [f"P4.{n}" for n in range(1, 14)]


def tell(photo: bytes, folder: Path, *options: str) -> tuple[int, dict, str]:
    """Exit status, report and output of `./bowei story`."""
    (folder / "photo.jpg").write_bytes(photo)
    env = {name: value for name, value in os.environ.items() if name not in SERVERS}
    done = subprocess.run(
        [
            sys.executable, "bowei", "story", str(folder / "photo.jpg"),
            "--json", str(folder / "report.json"), *options,
        ],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    report = folder / "report.json"
    told = json.loads(report.read_text()) if report.exists() else {}
    return done.returncode, told, done.stdout + done.stderr


@pytest.mark.chaos
def test_one_vehicle_goes_through_every_step(tmp_path):
    photo = draw_scene("沪A12345", "blue", seed=3)
    status, told, output = tell(photo, tmp_path, "--plate", "沪A12345")

    assert status == 0, output
    assert all(step["ok"] for step in told["steps"])
    assert not told["misread"]
    seen = {step_id for step in told["steps"] for step_id in step["ids"]}
    assert seen == set(SPOKEN)


@pytest.mark.chaos
def test_a_photograph_without_a_plate_waits_for_a_person_and_the_story_says_so(tmp_path):
    """P0.1: never lost, never guessed."""
    import cv2
    import numpy as np

    grey = np.full((480, 640, 3), 128, np.uint8)
    status, told, output = tell(cv2.imencode(".jpg", grey)[1].tobytes(), tmp_path)

    assert status == 3, output
    assert told["steps"][-1]["seen"]["why"] == "no_plate"


@pytest.mark.parametrize(
    ("data", "options", "says"),
    [
        (b"not a photograph", [], "not a JPEG"),
        (draw_scene("沪A12345", "blue", seed=3), ["--plate", "沪I12345"], "--plate"),
    ],
)
def test_a_bad_photograph_or_plate_is_met_with_a_sentence(tmp_path, data, options, says):
    photo = tmp_path / "bad.jpg"
    photo.write_bytes(data)
    done = subprocess.run(
        [sys.executable, "manage.py", "story", str(photo), *options],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
