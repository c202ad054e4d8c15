"""The address in the code on a lock, which only whoever stands before it knows."""

from django.conf import settings
from django.urls import reverse

from core import links


def lock_url(code: str, version: int) -> str:
    """The address in a lock's code, with our host. The one place that makes it; `version` is
    `LockSign.version`, raised where a code was copied."""
    return settings.PUBLIC_URL + reverse("recovery.lock_here", args=[code, _tag(code, version)])


def is_locks(tag: str, code: str, version: int) -> bool:
    """Whether this is the last part of the lock's present address."""
    return links.is_tag(tag, _said(code, version))


def _tag(code: str, version: int) -> str:
    return links.tag(_said(code, version))


def _said(code: str, version: int) -> str:
    return f"bowei.lock {version} {code}"
