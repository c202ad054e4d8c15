"""The real application, which kills itself after the first effect and before its answer."""

import os
import signal

from config import wiring
from config.asgi import application
from devices.services import reception
from tests.devices.conftest import listen

for name in ("VehicleArrived", "VehicleLeft"):
    wiring.MESSAGES[name] = listen

if os.environ.get("DIE_AFTER_EFFECT"):
    whole = reception.receive

    def receive(link, raw, call):
        answer = whole(link, raw, call)
        if call.action == "VehicleArrived":
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    reception.receive = receive

__all__ = ["application"]
