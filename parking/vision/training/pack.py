"""Trained weights into the files that are shipped: .pth and .yaml for EasyOCR, two .onnx, hashes.

Writing ONNX needs the package `onnx` (requirements-benchmark.txt); serving does not.
"""

import hashlib
import json
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from parking.vision.grammar import ALPHABET
from parking.vision.networks.bowei_plate import Model
from parking.vision.rectify import HEIGHT, finder_input, look_input
from parking.vision.training.nets import Finder, Look

NETWORKS = Path(__file__).parents[1] / "networks"
MOST_BYTES = 8_000_000
SETTINGS = {
    "find_side": 640,
    "find_side_near": 320,
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
        f"imgH: {HEIGHT}",
        "lang_list: [ch_sim, en]",
        f'character_list: "{ALPHABET}"',
        "network_params: {}",
    ]
    (NETWORKS / "bowei_plate.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def unpack_reader(out: Path) -> None:
    """The shipped reader as a plain state dict in single precision, to train on from."""
    halves = torch.load(NETWORKS / "bowei_plate.pth", weights_only=True)
    state = {key.removeprefix("module."): value for key, value in halves.items()}
    torch.save({k: v.float() if v.is_floating_point() else v for k, v in state.items()}, out)


def blend(old: Path, new: Path, share: float) -> None:
    """Put into `new` the mean of both readers' weights, its own counting `share`."""
    before, after = (torch.load(file, weights_only=True) for file in (old, new))
    mean = {
        key: torch.lerp(before[key], value, share) if value.is_floating_point() else value
        for key, value in after.items()
    }
    torch.save(mean, new)


def pack_finder(weights: Path, pictures: Iterable[np.ndarray]) -> None:
    """The finder as ONNX, in eight bits: its work is most of a scene's.

    `pictures` (training scenes, BGR) show what values its layers take.
    """
    seen = [finder_input(p, side)[0] for p in pictures for side in (640, 256)]
    shape, free = torch.zeros(1, 3, 320, 320), {2: "h", 3: "w"}
    # the heat of its best place, in logits
    _pack(Finder(), weights, shape, free, "finder.onnx", seen, lambda y: y[0, :1].max(), 0.5)


def pack_look(weights: Path, views: Iterable[np.ndarray]) -> None:
    """The look network as ONNX, in eight bits; `views` (BGR) are what training showed it."""
    seen = [look_input([view]) for view in views]
    shape = torch.zeros(1, 3, 48, 128)
    # the corners, as shares of width and height
    _pack(Look(), weights, shape, {0: "n"}, "look.onnx", seen, lambda y: y[0, :8], 0.01)


def _pack(
    network: torch.nn.Module,
    weights: Path,
    shape: torch.Tensor,
    free: dict[int, str],
    name: str,
    seen: list[np.ndarray],
    told: Callable[[np.ndarray], np.ndarray],
    most: float,
) -> None:
    """Export and quantise; raises RuntimeError where what is `told` drifts by over `most`."""
    with TemporaryDirectory() as folder:
        single = Path(folder) / name
        _export(network, weights, shape, single, free)
        _quantise(single, NETWORKS / name, seen)
        drifts = [
            np.abs(told(_computed(single, x)) - told(_computed(NETWORKS / name, x))).max()
            for x in seen[:20]
        ]
    if np.median(drifts) > most:
        raise RuntimeError(f"{name} in eight bits tells other things than the trained network")


def _export(
    network: torch.nn.Module, weights: Path, x: torch.Tensor, out: Path, free: dict
) -> None:
    network.load_state_dict(torch.load(weights, weights_only=True))
    network.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (x,),
            str(out),
            input_names=["x"],
            output_names=["y"],
            dynamic_axes={"x": free, "y": free},
            dynamo=False,
        )
    x = torch.randn_like(x)
    with torch.inference_mode():
        there = network(x).numpy()
    if np.abs(there - _computed(out, x.numpy())).max() > 1e-2:
        raise RuntimeError(f"{out.name} does not compute what the trained network does")


def _computed(file: Path, x: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])


def _quantise(single: Path, out: Path, seen: list[np.ndarray]) -> None:
    """Eight-bit weights (seven used, lest older processors overflow) for the inner layers."""
    import onnx  # type: ignore[import-not-found,unused-ignore]
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Examples(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self.left = iter(seen)

        def get_next(self) -> dict[str, np.ndarray] | None:
            x = next(self.left, None)
            return None if x is None else {"x": x}

    prepared = single.with_name("prepared.onnx")
    quant_pre_process(str(single), str(prepared), skip_symbolic_shape=True)
    nodes = onnx.load(str(prepared)).graph.node
    layers = [node.name for node in nodes if node.op_type == "Conv"]
    dense = [node.name for node in nodes if node.op_type == "Gemm"]
    quantization.quantize_static(
        str(prepared),
        str(out),
        Examples(),
        activation_type=quantization.QuantType.QUInt8,  # twice as soon as signed ones
        weight_type=quantization.QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        nodes_to_exclude=[layers[0], layers[-1], *dense],
    )


def write_manifest(calibration: dict | None = None, settings: dict | None = None) -> None:
    """Hashes of all shipped files; keeps what it is not given."""
    file = NETWORKS / "manifest.json"
    facts = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    names = ("bowei_plate.pth", "finder.onnx", "look.onnx")
    total = sum((NETWORKS / name).stat().st_size for name in names)
    if total > MOST_BYTES:
        raise RuntimeError(f"{total} bytes of weights are more than {MOST_BYTES}")
    facts["sha256"] = {
        name: hashlib.sha256((NETWORKS / name).read_bytes()).hexdigest()
        for name in ("faces.onnx", *names)
    }
    facts["settings"] = settings or facts.get("settings", SETTINGS)
    facts["calibration"] = calibration or facts.get("calibration", STRAIGHT)
    file.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
