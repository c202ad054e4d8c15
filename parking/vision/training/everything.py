"""The whole training in one call: reader, glyph bank, reader again, finder, look, pack, calibrate.

On two cores an hour gives a working reader; more minutes give a better one. A GPU is used where
torch sees one. The same folder, minutes and seed give a like network, not the same bytes: the
clock ends each step.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from parking.vision.training import NETWORKS, bank, finder, photographs, reader

Say = Callable[[str], None]
SHARES = {"first": 0.2, "reader": 0.38, "finder": 0.25, "look": 0.17}
NEW_SHARE = 0.5  # of the weights, when a reader was trained further
MOST_SHOWN, MOST_VIEWS = 80, 400  # scenes and views that set the ranges of eight-bit layers


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeTraining:
    """`folder` holds labels.csv and photographs, `work` takes what lies between the steps."""

    folder: Path
    work: Path
    minutes: float
    seed: int = 1
    free_only: bool = True
    drawers: int = 1


def run(plan: WholeTraining, say: Say = print) -> None:
    """Train all networks and put them, packed and calibrated, into parking/vision/networks."""
    plan.work.mkdir(parents=True, exist_ok=True)
    first, second = plan.work / "first.pt", plan.work / "reader.pt"
    glyphs = plan.work / "bank.npz"

    def reading(out: Path, share: str, start: Path | None) -> reader.ReaderTraining:
        return reader.ReaderTraining(
            folder=plan.folder,
            out=out,
            minutes=plan.minutes * SHARES[share],
            seed=plan.seed + (start is not None),
            start=start,
            free_only=plan.free_only,
            drawers=plan.drawers,
        )

    say("reader, from generated plates and photographs")
    reader.train(reading(first, "first", None), say)
    say("bank of real glyphs")
    counts = bank.cut(plan.folder, first, glyphs, free_only=plan.free_only)
    say(f"{sum(counts.values())} glyphs of {len(counts)} characters")
    say("reader, with the bank")
    reader.train(reading(second, "reader", first), say, bank_file=glyphs)
    for what in ("finder", "look"):
        say(what)
        _train_finding(plan, what, plan.minutes * SHARES[what], glyphs, say)
    ship(plan, say)


def again(plan: WholeTraining, network: str, say: Say = print) -> None:
    """Train one of reader, finder, look for `plan.minutes`; the other two stay as they are.

    Finder and look begin anew. The reader goes on from the shipped one, and what ships is the mean
    of old and new weights: on unseen photographs it reads better than both.
    """
    from parking.vision.training import pack

    plan.work.mkdir(parents=True, exist_ok=True)
    shipped, glyphs = plan.work / "shipped.pt", plan.work / "bank.npz"
    pack.unpack_reader(shipped)
    bank.cut(plan.folder, shipped, glyphs, free_only=plan.free_only)
    if network == "reader":
        further = reader.ReaderTraining(
            folder=plan.folder,
            out=plan.work / "reader.pt",
            minutes=plan.minutes,
            seed=plan.seed,
            start=shipped,
            rate=6e-4,
            free_only=plan.free_only,
            drawers=plan.drawers,
        )
        reader.train(further, say, bank_file=glyphs)
        pack.blend(shipped, further.out, NEW_SHARE)
    else:
        _train_finding(plan, network, plan.minutes, glyphs, say)
    ship(plan, say, (network,))


def _train_finding(plan: WholeTraining, what: str, minutes: float, glyphs: Path, say: Say) -> None:
    steps = finder.FinderTraining(
        what=what,
        folder=plan.folder,
        out=plan.work / f"{what}.pt",
        minutes=minutes,
        seed=plan.seed,
        batch=16 if what == "finder" else 64,
        free_only=plan.free_only,
    )
    finder.train(steps, say, bank_file=glyphs)


def ship(plan: WholeTraining, say: Say = print, networks: Iterable[str] = NETWORKS) -> None:
    """Pack `networks` as they lie in `plan.work`, then calibrate on the held-out part."""
    from parking.vision.training import pack, scene_data

    rows = photographs.training_part(plan.folder, free_only=plan.free_only)
    for network in networks:
        weights = plan.work / f"{network}.pt"
        match network:
            case "reader":
                pack.pack_reader(weights)
            case "look":
                scenes, rng = scene_data.Scenes(plan.folder, rows), Random(plan.seed)
                views = [scene_data.look_example(scenes, rng)[0] for _ in range(MOST_VIEWS)]
                pack.pack_look(weights, views)
            case _:
                shown = [row for row in rows if row.kind == "scene"][:MOST_SHOWN]
                pack.pack_finder(weights, [photographs.picture(plan.folder, r) for r in shown])
    _calibrate(plan, say)


def _calibrate(plan: WholeTraining, say: Say) -> None:
    from parking.vision import serve
    from parking.vision.training import calibrate, pack

    pack.write_manifest(calibration=pack.STRAIGHT, settings=pack.SETTINGS)
    serve.manifest.cache_clear()
    held = serve.PlateReader()
    table, settings = calibrate.calibrate(plan.folder, held, say, free_only=plan.free_only)
    pack.write_manifest(calibration=table, settings=settings)
    serve.manifest.cache_clear()
    say("packed and calibrated")
