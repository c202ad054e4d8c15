"""The simulated city, built once for all tests of the laws."""

from collections.abc import Iterator
from typing import Any

import pytest

from config.city.run import City, city


@pytest.fixture(scope="session")
def here(django_db_setup: None, django_db_blocker: Any) -> Iterator[City]:
    """The city as it begins; each run has a copy of its own."""
    with django_db_blocker.unblock(), city() as built:
        yield built


@pytest.fixture(autouse=True)
def _allowed(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield
