"""A web process that imports the reader's door pays for nothing heavy."""

import subprocess
import sys

CODE = """
import sys
import parking.vision
from parking.vision import check_image, confusion, read_image
confusion("0", "D")
heavy = {"torch", "easyocr", "cv2", "onnxruntime", "numpy", "django"} & set(sys.modules)
assert not heavy, heavy
"""


def test_the_door_imports_neither_torch_nor_django() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
