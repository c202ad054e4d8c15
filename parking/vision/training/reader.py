"""Trains the reading network; a thread a core for the network, one process that draws examples."""

import multiprocessing as mp
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import cv2
import numpy as np
import torch
from torch import nn

from parking.vision import decide
from parking.vision.grammar import ALPHABET
from parking.vision.networks.bowei_plate import Model
from parking.vision.training import bank as glyph_bank
from parking.vision.training import photographs, reader_data
from parking.vision.training.plates import Fonts

Say = Callable[[str], None]
READABLE = 0.3  # of the generated examples; many others are worse than a person could read


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderTraining:
    """How to train: minutes on the clock, seed, share of real examples, what to start from."""

    folder: Path
    out: Path
    minutes: float
    seed: int = 1
    real: float = 0.5
    batch: int = 64
    rate: float = 2e-3
    start: Path | None = None
    free_only: bool = True
    drawers: int = 1


def _find_two_rows(real: reader_data.RealPlates, start: Path) -> None:
    """Squeezed crops do not show by their shape that they hold two rows; a reader can tell."""
    torch.set_num_threads(1)
    model = Model(len(ALPHABET) + 1)
    model.load_state_dict(torch.load(start, weights_only=True))
    model.eval()
    for i, item in enumerate(real.items):
        views = [item.strip(tall=tall) for tall in (False, True)]
        with torch.inference_mode():
            rows = model(tensor(np.stack(views))).numpy()
        one, two = (min(decide.aligned(decide.probabilities(row), item.text)) for row in rows)
        if max(one, two) > 0.1 and abs(one - two) > 0.05:
            real.items[i] = replace(item, tall=two > one)


def _draw(plan: ReaderTraining, number: int, queue: "mp.Queue", bank_file: Path | None) -> None:
    os.nice(2)
    cv2.setNumThreads(1)
    rng = Random(plan.seed * 1000 + number)
    rows = photographs.training_part(plan.folder, free_only=plan.free_only)
    real = reader_data.RealPlates(plan.folder, rows)
    if plan.start:
        _find_two_rows(real, plan.start)
    real.balance()
    bank = glyph_bank.load(bank_file) if bank_file else None
    fonts = Fonts.training()
    while True:
        strips, texts = [], []
        for _ in range(plan.batch):
            if rng.random() < plan.real:
                strip, text = real.sample(rng)
            else:
                ground, readable = real.backdrop(rng), rng.random() < READABLE
                picture, spec = reader_data.generated(
                    rng, fonts, bank, ground, readable=readable, waved=True
                )
                black = reader_data.called_black(spec.colour, rng)
                strip = reader_data.to_strip(picture, tall=spec.double, black=black)
                text = spec.text
            strips.append(strip)
            texts.append(text)
        queue.put((np.stack(strips), *reader_data.encode(texts)))


def tensor(strips: np.ndarray) -> torch.Tensor:
    """uint8 (N, H, W) to the network's input."""
    return torch.from_numpy(strips).unsqueeze(1).float().div(255).sub(0.5).div(0.5)


def greedy(logits: torch.Tensor) -> list[str]:
    """The plain CTC reading, for progress figures."""
    texts = []
    for row in logits.argmax(2).tolist():
        last, text = 0, ""
        for code in row:
            if code and code != last:
                text += ALPHABET[code - 1]
            last = code
        texts.append(text)
    return texts


def validation(plan: ReaderTraining) -> tuple[np.ndarray, list[str]]:
    """Strips of the held-out crops, as they are."""
    rows = [p for p in photographs.validation_part(plan.folder) if p.kind == "crop"]
    real = reader_data.RealPlates(plan.folder, rows)
    strips = [item.strip(tall=item.tall) for item in real.items]
    return np.stack(strips), [item.text for item in real.items]


def generated_set(count: int, seed: int) -> tuple[np.ndarray, list[str]]:
    rng, fonts = Random(seed), Fonts.other()
    strips, texts = [], []
    for _ in range(count):
        picture, spec = reader_data.generated(rng, fonts, None, None)
        black = spec.colour == "black"
        strips.append(reader_data.to_strip(picture, tall=spec.double, black=black))
        texts.append(spec.text)
    return np.stack(strips), texts


def right(model: nn.Module, strips: np.ndarray, texts: list[str]) -> float:
    model.eval()
    with torch.inference_mode():
        read = [
            t for i in range(0, len(strips), 64) for t in greedy(model(tensor(strips[i : i + 64])))
        ]
    model.train()
    return sum(a == b for a, b in zip(read, texts, strict=True)) / len(texts)


def running_average(model: nn.Module, decay: float) -> torch.optim.swa_utils.AveragedModel:
    """The mean of a network's weights over its last steps: over fewer in the beginning.

    So that a short training is not held back by the weights it began with.
    """

    def average(kept: torch.Tensor, new: torch.Tensor, count: torch.Tensor | int) -> torch.Tensor:
        seen = int(count)
        return kept + (new - kept) * (1 - min(decay, (1 + seen) / (10 + seen)))

    return torch.optim.swa_utils.AveragedModel(model, avg_fn=average, use_buffers=True)


def train(plan: ReaderTraining, say: Say = print, bank_file: Path | None = None) -> Path:
    """Train for `plan.minutes`; writes `plan.out` (plain state dict, single precision)."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(plan.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = Model(len(ALPHABET) + 1)
    if plan.start:
        model.load_state_dict(torch.load(plan.start, weights_only=True))
    model.to(device, memory_format=torch.channels_last)
    average = running_average(model, 0.998)
    optimiser = torch.optim.AdamW(model.parameters(), lr=plan.rate, weight_decay=0.01)
    loss_of = nn.CTCLoss(zero_infinity=True)
    context = mp.get_context("spawn")
    queue: mp.Queue = context.Queue(12)
    drawers = [
        context.Process(target=_draw, args=(plan, i, queue, bank_file), daemon=True)
        for i in range(plan.drawers)
    ]
    for drawer in drawers:
        drawer.start()
    real_set, other_set = validation(plan), generated_set(400, 99)
    began, step, seen_loss, best = time.monotonic(), 0, 0.0, -1.0
    limit_s = plan.minutes * 60

    def keep(words: str, best: float) -> float:
        """Say how well the averaged network reads; save it where it is the best so far."""
        real = right(average.module, *real_set)
        other = right(average.module, *other_set)
        say(f"{words}  held-out crops {real:.3f}  generated, other fonts {other:.3f}")
        if real + 0.5 * other > best:
            torch.save(average.module.state_dict(), plan.out)
        return max(best, real + 0.5 * other)

    model.train()
    while (spent := time.monotonic() - began) < limit_s:
        done = spent / limit_s
        rate = plan.rate * min(1.0, step / 200) * (0.5 + 0.5 * np.cos(np.pi * done)) + 1e-5
        for group in optimiser.param_groups:
            group["lr"] = rate
        strips, codes, lengths = queue.get()
        x = tensor(strips).to(device, memory_format=torch.channels_last)
        with torch.autocast(device, torch.bfloat16):
            logits = model(x)
        log_probs = logits.float().log_softmax(2).permute(1, 0, 2)
        steps = torch.full((len(strips),), log_probs.shape[0], dtype=torch.long)
        loss = loss_of(log_probs, torch.from_numpy(codes), steps, torch.from_numpy(lengths))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        average.update_parameters(model)
        step += 1
        seen_loss = 0.98 * seen_loss + 0.02 * loss.item() if step > 1 else loss.item()
        if step % 500 == 0:
            best = keep(f"{spent:6.0f} s  step {step}  loss {seen_loss:.3f}", best)
    for drawer in drawers:
        drawer.terminate()
    keep(f"end after {step} steps", best)
    return plan.out
