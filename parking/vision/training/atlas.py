"""Makes `parking/vision/glyphs.npz`, the small set of characters that drawn scenes use.

Han characters from Noto Sans CJK SC Bold (SIL Open Font License 1.1, see glyphs.LICENCE.txt),
digits and letters from DejaVu Sans Condensed Bold (Bitstream Vera licence): both may be shipped.
"""

from pathlib import Path

import numpy as np

from parking.vision.grammar import ALPHABET
from parking.vision.training.plates import HAN_FONTS, LATIN_FONTS, _fit, glyph

FILE = Path(__file__).parents[1] / "glyphs.npz"


def make(file: Path = FILE) -> None:
    masks = {}
    for char in ALPHABET:
        font = HAN_FONTS[1] if ord(char) > 255 else LATIN_FONTS[0]
        masks[str(ord(char))] = _fit(glyph(char, font), 45, 90, keep=char in "1")
    np.savez_compressed(file, allow_pickle=False, **masks)


if __name__ == "__main__":
    make()
