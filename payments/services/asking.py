"""Asking a provider, so that the register of outages hears how it answers."""

from collections.abc import Iterator
from contextlib import contextmanager

from core import outages
from payments.providers.base import ProviderRefused, ProviderUnclear


@contextmanager
def asking(name: str) -> Iterator[None]:
    """Around a call of this provider, outside of transactions; what it raises goes on.

    A clear refusal is an answer; that nobody answered clearly is not.
    """
    what = outages.provider(name)
    try:
        yield
    except ProviderUnclear:
        outages.failed(what)
        raise
    except ProviderRefused:
        outages.worked(what)
        raise
    outages.worked(what)
