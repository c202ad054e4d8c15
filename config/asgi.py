"""The web process: pages and interfaces over HTTP, devices and live pages over websockets."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application

http = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import re_path  # noqa: E402

import core.urls  # noqa: E402
import devices.urls  # noqa: E402
from core import checks  # noqa: E402
from core.addresses import behind_proxies  # noqa: E402
from core.bodies import limit_bodies  # noqa: E402
from core.lanes import keep_to_lanes  # noqa: E402
from core.sockets import nowhere  # noqa: E402

checks.refuse_a_demo_in_production()

application = behind_proxies(
    ProtocolTypeRouter(
        {
            "http": limit_bodies(keep_to_lanes(http)),
            "websocket": URLRouter(
                [*devices.urls.websocket, *core.urls.websocket, re_path("", nowhere)]  # type: ignore[arg-type]
            ),
        }
    )
)
