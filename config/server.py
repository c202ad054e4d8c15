"""How the web server is run, by the demo and the tests; docs/running.md names the same flags."""

from typing import Any

from devices.rules import frames

HTTP = "core.heads:LimitedHeads"
OPTIONS: dict[str, Any] = {
    "http": HTTP,
    "ws": "websockets-sansio",
    # Larger messages are not even collected: the server closes the socket with 1009.
    "ws_max_size": frames.MAX_MESSAGE_BYTES,
    "ws_per_message_deflate": False,
    "lifespan": "off",
    "server_header": False,
    # `core.addresses` alone decides whose address counts.
    "proxy_headers": False,
}
FLAGS = (
    *("--http", HTTP, "--ws", "websockets-sansio"),
    *("--ws-max-size", str(frames.MAX_MESSAGE_BYTES)),
    *("--ws-per-message-deflate", "false", "--lifespan", "off", "--no-proxy-headers"),
    "--no-server-header",
)
