"""Real glyphs: masks of characters cut at training time out of rectified training photographs."""

from pathlib import Path

import numpy as np

Bank = dict[str, list[np.ndarray]]


def load(file: Path) -> Bank:
    """A bank as `cut` saved it: for each character its masks, uint8."""
    with np.load(file) as packed:
        return {chr(int(key)): list(packed[key]) for key in packed.files}
