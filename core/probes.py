"""Whether people reach our pages: asked from a worker, at the address that people use.

Every other part may live while nobody can open a page: the web process has died, the proxy, the
name or its certificate is gone. Who can open none can neither pay nor ask (docs/rules.md L7).
"""

import logging
from datetime import timedelta

import requests
from django.conf import settings
from django.urls import reverse

from core import clock, outages
from core.models import Pulse

log = logging.getLogger("bowei.probes")
EVERY = timedelta(seconds=30)
UNBROKEN = timedelta(minutes=3)  # asked more rarely, who asks was away; a restart is shorter
WITHIN_S = 10.0
ASKED = "pages:asked"


def is_time() -> bool:
    """Whether the pages are to be asked for now: true once in EVERY, for one of several."""
    now, real = clock.now(), clock.real()
    last = Pulse.objects.filter(what=ASKED).first()
    if last is None:
        row = Pulse(what=ASKED, at=now, real_at=real)
        Pulse.objects.bulk_create([row], ignore_conflicts=True)
        return False
    if real - last.real_at < EVERY:
        return False
    mine = Pulse.objects.filter(what=ASKED, real_at=last.real_at)
    return bool(mine.update(at=now, real_at=real))


def look() -> None:
    """Ask for one page as a person does, and tell the register how that went.

    An address that has never answered from here says nothing about the pages: there the worker
    may not reach it.
    """
    if _answers():
        row = Pulse(what=outages.PAGES, at=clock.now(), real_at=clock.real())
        Pulse.objects.bulk_create([row], ignore_conflicts=True)
        outages.worked(outages.PAGES)
    elif Pulse.objects.filter(what=outages.PAGES).exists():
        outages.failed(outages.PAGES, unbroken=UNBROKEN)
    else:
        log.warning("probes.never_answered url=%s", settings.PUBLIC_URL)


def _answers() -> bool:
    address = settings.PUBLIC_URL + reverse("core.real")
    try:
        answer = requests.get(address, timeout=WITHIN_S, allow_redirects=False, stream=True)
    except requests.RequestException:
        return False
    with answer:
        return answer.status_code in (200, 429)  # asked too often is an answer, too
