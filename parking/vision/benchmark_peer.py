"""RapidOCR on a list of pictures, in whatever environment holds it: JSON lines in, JSON lines out.

Run as a script by `benchmark_plates`; imports nothing of ours, so it needs only
requirements-benchmark.txt. Input lines: {"file", "kind"}; output: {"file", "texts", "ms"}.
"""

import json
import os
import statistics
import sys
import time


def main() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    import cv2
    from rapidocr_onnxruntime import RapidOCR  # type: ignore[import-not-found,unused-ignore]

    cv2.setNumThreads(1)
    engine = RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    for line in sys.stdin:
        job = json.loads(line)
        picture = cv2.imread(job["file"])
        bare = job["kind"] == "crop"  # reading only: the crop is the line
        times, lines = [], None
        for _ in range(repeats):
            began = time.process_time()
            if bare:
                lines, _ = engine(picture, use_det=False, use_cls=False, use_rec=True)
            else:
                lines, _ = engine(picture)
            times.append((time.process_time() - began) * 1000)
        texts = [entry[0] if bare else entry[1] for entry in lines or []]
        answer = {"file": job["file"], "texts": texts, "ms": statistics.median(times)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
