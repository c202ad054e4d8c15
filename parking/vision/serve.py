"""The reader as a process holds it: networks loaded once, one thread, checked by their hashes.

find (ONNX) -> look (ONNX: corners, colour, rows) -> rectify -> read (EasyOCR's custom network)
-> decide. Everything heavy is imported here, so only a process that reads pays for it.
"""

import hashlib
import importlib.util
import json
import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from core.pictures import HostileImage
from parking.vision import decide, rectify
from parking.vision.grammar import COLOURS
from parking.vision.images import decode
from parking.vision.types import Reading, Region

NETWORKS = Path(__file__).with_name("networks")
NAME = "bowei_plate"
# black plates are rarer on the street than among what the network learnt from
_ON_THE_STREET = np.array([0.4 if colour == "black" else 1.0 for colour in COLOURS], np.float32)
_LOCK = threading.Lock()
_kept: list[Any] = []  # schemas of operators live as long as their Library object


class DamagedNetwork(RuntimeError):
    """A shipped network file is missing or not the one that was shipped."""


@cache
def manifest() -> dict[str, Any]:
    """Hashes, calibration and thresholds that belong to the shipped files."""
    return json.loads((NETWORKS / "manifest.json").read_text(encoding="utf-8"))


def checked(name: str) -> Path:
    """The network file `name`, its SHA-256 compared first: a .pth is code."""
    file = NETWORKS / name
    if not file.exists():
        raise DamagedNetwork(f"{name} is missing")
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != manifest()["sha256"][name]:
        raise DamagedNetwork(f"{name} is not the file that was shipped")
    return file


def reader() -> "PlateReader":
    """The process's one reader."""
    with _LOCK:
        return _reader()


@cache
def _reader() -> "PlateReader":
    return PlateReader()


def _ensure_torchvision_operators() -> None:
    """Let torchvision be imported beside a torch without CUDA; EasyOCR calls none of these."""
    import torch

    spec = importlib.util.find_spec("torchvision")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    library = next(Path(spec.submodule_search_locations[0]).glob("_C*.so"), None)
    try:
        torch.ops.load_library(str(library))
    except OSError:
        schemas = torch.library.Library("torchvision", "FRAGMENT")
        for operator in ("nms", "qnms"):
            schemas.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _kept.append(schemas)


def easyocr_reader() -> Any:
    """EasyOCR's Reader with our network in it; no detector, no download, no GPU."""
    import torch

    checked(f"{NAME}.pth")
    torch.set_num_threads(1)
    _ensure_torchvision_operators()
    import easyocr

    from parking.vision.readied import make_ready

    made = easyocr.Reader(
        ["ch_sim", "en"],
        gpu=False,
        recog_network=NAME,
        user_network_directory=str(NETWORKS),
        model_storage_directory=str(NETWORKS),
        detector=False,
        download_enabled=False,
        quantize=False,
        verbose=False,
    )
    make_ready(made.recognizer, torch.zeros(1, 1, rectify.HEIGHT, rectify.WIDTH))
    return made


def _session(name: str) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    file = checked(name)
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


@dataclass(slots=True)
class FoundPlate:
    """A place where a plate seems to be."""

    corners: np.ndarray  # (4, 2) in pixels of the picture given
    score: float

    @property
    def width(self) -> float:
        return float(np.ptp(self.corners[:, 0]))


@dataclass(slots=True)
class Looked:
    """What the second network says of one place."""

    corners: np.ndarray
    colours: np.ndarray  # probability for each of grammar.COLOURS
    double: float
    plate: float


class PlateReader:
    """Pictures to readings. Not thread-safe by itself: `read` takes the process's lock."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        self.easyocr = easyocr_reader()
        self.finder = _session("finder.onnx")
        self.looker = _session("look.onnx")
        facts = manifest()
        self.settings: dict[str, float] = facts["settings"]
        self.calibration: dict[str, Any] = facts["calibration"]
        self.model = f"{NAME}-{facts['sha256'][NAME + '.pth'][:8]}"

    @cached_property
    def faces(self) -> Any:
        """The finder of faces; who only reads plates does not load it."""
        return _session("faces.onnx")

    def alone(self) -> AbstractContextManager[Any]:
        """While held, no other thread asks these networks."""
        return _LOCK

    def read(self, data: bytes, *, region: Region | None = None) -> Reading:
        """One encoded picture; raises HostileImage."""
        answer = self.read_many([data], [region])[0]
        if isinstance(answer, HostileImage):
            raise answer
        return answer

    def read_many(
        self, pictures: list[bytes], regions: list[Region | None]
    ) -> list[Reading | HostileImage]:
        """Several encoded pictures in one batch; a refused one stands as its error."""
        from parking.vision import pipeline

        answers: list[Reading | HostileImage | None] = []
        jobs = []
        for data, region in zip(pictures, regions, strict=True):
            try:
                picture, reduced = decode(data)
            except HostileImage as error:
                answers.append(error)
                continue
            jobs.append(pipeline.Job(picture, region, reduced))
            answers.append(None)
        with _LOCK:
            readings = iter(pipeline.read(self, jobs))
        return [next(readings) if answer is None else answer for answer in answers]

    def read_pixels(
        self, picture: np.ndarray, *, region: Region | None = None, reduced: float = 1.0
    ) -> Reading:
        """One decoded picture, BGR uint8; corners are given in pixels times `reduced`."""
        from parking.vision import pipeline

        return pipeline.read(self, [pipeline.Job(picture, region, reduced)])[0]

    # the three networks, as arrays in and arrays out

    def find(
        self, picture: np.ndarray, side: int, *, least: float | None = None
    ) -> list[FoundPlate]:
        """Plates in the picture at a longest side of `side` pixels, best first."""
        x, scale = rectify.finder_input(picture, side)
        out = self.finder.run(None, {"x": x})[0][0]
        return _peaks(out, self.settings["find_least"] if least is None else least, scale)

    def look(self, picture: np.ndarray, quads: list[np.ndarray]) -> list[Looked]:
        """Corners, colour and rows of what each quadrilateral shows."""
        if not quads:
            return []
        views, backs = [], []
        target = np.array([(0, 0), (128, 0), (128, 48), (0, 48)], np.float32)
        for quad in quads:
            source, placed = rectify.near(picture, quad, 128)
            views.append(rectify.warp(source, placed, 128, 48))
            backs.append(cv2.getPerspectiveTransform(target, quad.astype(np.float32)))
        out = self.looker.run(None, {"x": rectify.look_input(views)})[0]
        looked = []
        for row, back in zip(out, backs, strict=True):
            places = row[:8].reshape(1, 4, 2) * np.array((128, 48), np.float32)
            corners = cv2.perspectiveTransform(places.astype(np.float32), back)[0]
            n = len(COLOURS)
            colours = np.exp(row[8 : 8 + n] - row[8 : 8 + n].max()) * _ON_THE_STREET
            double, plate = 1 / (1 + np.exp(-row[8 + n :]))
            looked.append(Looked(corners, colours / colours.sum(), float(double), float(plate)))
        return looked

    def probabilities(self, strips: list[np.ndarray]) -> list[np.ndarray]:
        """Each strip (uint8, rectify.HEIGHT x WIDTH) through `reader.recognizer`; (T, classes)."""
        import torch

        x = np.stack(strips)[:, None].astype(np.float32) / 255
        with torch.inference_mode():
            logits = self.easyocr.recognizer(torch.from_numpy((x - 0.5) / 0.5), None).numpy()
        return [decide.probabilities(row) for row in logits]


def _peaks(out: np.ndarray, least: float, scale: np.ndarray) -> list[FoundPlate]:
    heat = 1 / (1 + np.exp(-out[0]))
    top = cv2.dilate(heat, np.ones((3, 3), np.uint8))
    ys, xs = np.nonzero((heat >= top - 1e-6) & (heat >= least))
    order = np.argsort(-heat[ys, xs])[:12]
    found: list[FoundPlate] = []
    for y, x in zip(ys[order], xs[order], strict=True):
        corners = out[1:, y, x].reshape(4, 2) * 64 + np.array((x * 8 + 4, y * 8 + 4), np.float32)
        corners = (corners / scale).astype(np.float32)
        if all(overlap(corners, other.corners) < 0.3 for other in found):
            found.append(FoundPlate(corners, float(heat[y, x])))
    return found


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of the upright boxes around two quadrilaterals."""
    low, high = np.maximum(a.min(0), b.min(0)), np.minimum(a.max(0), b.max(0))
    inter = float(np.prod(np.maximum(high - low, 0)))
    union = float(np.prod(np.ptp(a, axis=0)) + np.prod(np.ptp(b, axis=0))) - inter
    return inter / union if union > 0 else 0.0
