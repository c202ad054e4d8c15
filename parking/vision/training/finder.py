"""Trains the finding networks (`Finder`, `Look`) and writes them as ONNX."""

import multiprocessing as mp
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from parking.vision.training import bank as glyph_bank
from parking.vision.training import photographs, scene_data
from parking.vision.training.nets import COLOURS, Finder, Look
from parking.vision.training.reader import running_average

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FinderTraining:
    """`what` is finder or look."""

    what: str
    folder: Path
    out: Path
    minutes: float
    seed: int = 1
    batch: int = 16
    rate: float = 2e-3
    start: Path | None = None
    free_only: bool = True


def _draw(plan: FinderTraining, queue: "mp.Queue", bank_file: Path | None) -> None:
    os.nice(2)
    cv2.setNumThreads(1)
    rng = Random(plan.seed * 77)
    rows = photographs.training_part(plan.folder, free_only=plan.free_only)
    scenes = scene_data.Scenes(plan.folder, rows, glyph_bank.load(bank_file) if bank_file else None)
    while True:
        examples: list[tuple[Any, ...]] = []
        while len(examples) < plan.batch:
            try:
                if plan.what == "look":
                    examples.append(scene_data.look_example(scenes, rng))
                else:
                    seen, marks = scenes.cut(rng)
                    examples.append((seen, *scene_data.targets(marks)))
            except cv2.error:  # a degenerate quadrilateral
                continue
        queue.put([np.stack([np.asarray(e[i]) for e in examples]) for i in range(len(examples[0]))])


def tensor(pictures: np.ndarray) -> torch.Tensor:
    """uint8 (N, H, W, 3) to the networks' input."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float().sub(127.5).div(64)


def finder_loss(
    out: torch.Tensor, heat: torch.Tensor, offsets: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    p = out[:, :1].sigmoid().clamp(1e-4, 1 - 1e-4)
    hit = (heat > 0.999).float()
    count = hit.sum().clamp(min=1)
    near = -((1 - p) ** 2) * p.log() * hit
    far = -((1 - heat) ** 4) * p**2 * (1 - p).log() * (1 - hit)
    corner = functional.smooth_l1_loss(out[:, 1:], offsets, reduction="none", beta=0.05)
    return (near + far).sum() / count + 2.0 * (corner * weight).sum() / (weight.sum() * 8 + 1)


def look_loss(
    out: torch.Tensor,
    shares: torch.Tensor,
    weight: torch.Tensor,
    colour: torch.Tensor,
    double: torch.Tensor,
    plate: torch.Tensor,
) -> torch.Tensor:
    corner = functional.smooth_l1_loss(out[:, :8], shares, reduction="none", beta=0.02).mean(1)
    loss = 8 * (corner * weight).sum() / (weight.sum() + 1)
    if (colour >= 0).any():
        logits = out[:, 8 : 8 + COLOURS]
        loss = loss + 0.5 * functional.cross_entropy(logits, colour, ignore_index=-1)
    two = functional.binary_cross_entropy_with_logits(out[:, -2], double, reduction="none")
    loss = loss + 0.3 * (two * plate).sum() / (plate.sum() + 1)
    return loss + 0.3 * functional.binary_cross_entropy_with_logits(out[:, -1], plate)


def train(plan: FinderTraining, say: Say = print, bank_file: Path | None = None) -> Path:
    """Train for `plan.minutes`; writes the state dict to `plan.out`."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(plan.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model: nn.Module = Look() if plan.what == "look" else Finder()
    if plan.start:
        model.load_state_dict(torch.load(plan.start, weights_only=True))
    model.to(device, memory_format=torch.channels_last)
    average = running_average(model, 0.995)
    optimiser = torch.optim.AdamW(model.parameters(), lr=plan.rate, weight_decay=0.01)
    queue: mp.Queue = mp.get_context("spawn").Queue(12)
    drawer = mp.get_context("spawn").Process(
        target=_draw, args=(plan, queue, bank_file), daemon=True
    )
    drawer.start()
    began, step, mean, limit_s = time.monotonic(), 0, 0.0, plan.minutes * 60
    while (spent := time.monotonic() - began) < limit_s:
        rate = plan.rate * min(1, step / 200) * (0.5 + 0.5 * np.cos(np.pi * spent / limit_s)) + 1e-5
        for group in optimiser.param_groups:
            group["lr"] = rate
        pictures, *wanted = queue.get()
        x = tensor(pictures).to(device, memory_format=torch.channels_last)
        with torch.autocast(device, torch.bfloat16):
            out = model(x)
        out = out.float()
        if plan.what == "look":
            shares, weight, colour, double, plate = (torch.from_numpy(w).to(device) for w in wanted)
            loss = look_loss(
                out, shares.float(), weight.float(), colour.long(), double.float(), plate.float()
            )
        else:
            loss = finder_loss(out, *(torch.from_numpy(w).to(device) for w in wanted))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        average.update_parameters(model)
        step += 1
        mean = 0.98 * mean + 0.02 * loss.item() if step > 1 else loss.item()
        if step % 200 == 0:
            say(f"{spent:6.0f} s  step {step}  loss {mean:.4f}")
            torch.save(average.module.state_dict(), plan.out)
    drawer.terminate()
    torch.save(average.module.state_dict(), plan.out)
    return plan.out
