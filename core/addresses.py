"""The client's address: X-Forwarded-For is read no further than our own proxies wrote it."""

from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

from django.conf import settings

Scope = dict[str, Any]
Application = Callable[[Scope, Any, Any], Any]

FORWARDED = b"x-forwarded-for"


def behind_proxies(application: Application) -> Application:
    """The same application, whose `scope["client"]`, and so REMOTE_ADDR, is the client's address.

    With BOWEI_PROXIES = n it is the n-th entry of X-Forwarded-For from the right, which the
    outermost of our proxies has written; what stands left of it came from outside. Where the
    header has fewer entries, or there is no proxy, it is whoever has connected. The header itself
    goes no further: nothing behind this looks at it.
    """

    async def told(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            hops = [
                hop.strip()
                for name, value in scope["headers"]
                if name == FORWARDED
                for hop in value.decode("latin-1").split(",")
            ]
            headers = [(name, value) for name, value in scope["headers"] if name != FORWARDED]
            scope = {**scope, "headers": headers}
            count = settings.BOWEI_PROXIES
            if 0 < count <= len(hops) and _is_address(hops[-count]):
                scope["client"] = (hops[-count], 0)
        await application(scope, receive, send)

    return told


def network(address: str) -> str:
    """Whom a limit counts together: an IPv4 address, or the 64 bits that one IPv6 user has."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""  # a socket file: everybody behind it is one
    if found.version == 4:
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ip_network((found, 64), strict=False))


def network_of(scope: Scope) -> str:
    """The network of whoever opened this connection."""
    client = scope.get("client")
    return network(client[0]) if client else ""


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
