"""A pytest plugin for `./bowei mutate`: writes down of each test how long it took, and whether it
failed, one line of JSON each."""

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

TOLD = "BOWEI_TESTS_TOLD"  # the file
_took: dict[str, float] = defaultdict(float)
_failed: set[str] = set()


def pytest_runtest_logreport(report: Any) -> None:
    _took[report.nodeid] += report.duration
    if report.failed:
        _failed.add(report.nodeid)


def pytest_sessionfinish() -> None:
    with Path(os.environ[TOLD]).open("w") as file:
        for test, seconds in _took.items():
            fact = {"test": test, "seconds": round(seconds, 3), "failed": test in _failed}
            file.write(json.dumps(fact) + "\n")
