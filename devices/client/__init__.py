"""The other end of the socket: a client for real devices, and simulated ones that use it.

Needs Python's own library and `websockets`, nothing of the platform but the shared words in
`devices.rules`. The protocol in prose: docs/devices.md.

    async with DeviceClient("ws://127.0.0.1:8000", "S-001", key) as client:
        sensor = Sensor(client)
        await sensor.arrive("A-017")
"""

from devices.client.connection import CallRefused, ConnectionLost, DeviceClient
from devices.client.lock import Lock
from devices.client.street import Camera, Handheld, Sensor

__all__ = [
    "CallRefused",
    "Camera",
    "ConnectionLost",
    "DeviceClient",
    "Handheld",
    "Lock",
    "Sensor",
]
