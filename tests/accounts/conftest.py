"""What holds in every test of accounts."""

import pytest


@pytest.fixture(autouse=True)
def _whole(writes_are_whole: None) -> None:
    """No service of a test here writes or locks in pieces."""
