"""Trained weights into the files that are shipped: .pth and .yaml for EasyOCR, two .onnx, hashes.

Writing ONNX needs the package `onnx` (requirements-benchmark.txt); serving does not.
"""

import hashlib
import json
import warnings
from pathlib import Path

import numpy as np
import torch

from parking.vision.grammar import ALPHABET
from parking.vision.networks.bowei_plate import Model
from parking.vision.training.nets import Finder, Look

NETWORKS = Path(__file__).parents[1] / "networks"
MOST_BYTES = 8_000_000
SETTINGS = {
    "find_side": 640,
    "find_side_near": 256,
    "find_least": 0.2,
    "least_character": 0.7,
    "least_plate": 0.6,
    "least_colour": 0.6,
}
STRAIGHT = {"raw": [-8.0, 8.0], "right": [0.0003, 0.9997]}


def pack_reader(weights: Path) -> None:
    """The .pth as EasyOCR's loader wants it (keys prefixed `module.`, half precision) and .yaml."""
    state = torch.load(weights, weights_only=True)
    network = Model(len(ALPHABET) + 1)
    network.load_state_dict(state)
    halves = {
        f"module.{key}": value.half() if value.is_floating_point() else value
        for key, value in network.state_dict().items()
    }
    torch.save(halves, NETWORKS / "bowei_plate.pth")
    lines = [
        "# How EasyOCR loads bowei_plate.py and bowei_plate.pth; written by train_plate_reader.",
        "imgH: 32",
        "lang_list: [ch_sim, en]",
        f'character_list: "{ALPHABET}"',
        "network_params: {}",
    ]
    (NETWORKS / "bowei_plate.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def pack_finders(finder: Path, look: Path) -> None:
    """The two finding networks as ONNX."""
    _export(Finder(), finder, torch.zeros(1, 3, 320, 320), "finder.onnx", {2: "h", 3: "w"})
    _export(Look(), look, torch.zeros(1, 3, 48, 128), "look.onnx", {0: "n"})


def _export(
    network: torch.nn.Module, weights: Path, x: torch.Tensor, name: str, free: dict
) -> None:
    network.load_state_dict(torch.load(weights, weights_only=True))
    network.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (x,),
            str(NETWORKS / name),
            input_names=["x"],
            output_names=["y"],
            dynamic_axes={"x": free, "y": free},
            dynamo=False,
        )
    _check(network, x, name)


def _check(network: torch.nn.Module, x: torch.Tensor, name: str) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(NETWORKS / name), providers=["CPUExecutionProvider"])
    x = torch.randn_like(x)
    with torch.inference_mode():
        there = network(x).numpy()
    here = session.run(None, {"x": x.numpy()})[0]
    if np.abs(there - here).max() > 1e-2:
        raise RuntimeError(f"{name} does not compute what the trained network does")


def write_manifest(calibration: dict | None = None, settings: dict | None = None) -> None:
    """Hashes of all shipped files; keeps what it is not given."""
    file = NETWORKS / "manifest.json"
    facts = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    names = ("bowei_plate.pth", "finder.onnx", "look.onnx")
    total = sum((NETWORKS / name).stat().st_size for name in names)
    if total > MOST_BYTES:
        raise RuntimeError(f"{total} bytes of weights are more than {MOST_BYTES}")
    facts["sha256"] = {
        name: hashlib.sha256((NETWORKS / name).read_bytes()).hexdigest() for name in names
    }
    facts["settings"] = settings or facts.get("settings", SETTINGS)
    facts["calibration"] = calibration or facts.get("calibration", STRAIGHT)
    file.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
