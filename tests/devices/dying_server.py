"""The real application, which kills itself after the first effect and before its answer."""

import os
import signal

import config.asgi  # first: it makes Django ready for what the wiring imports
from config import wiring
from devices.services import reception
from tests.devices.conftest import listen

for name in ("VehicleArrived", "VehicleLeft"):
    wiring.MESSAGES[name] = (listen,)

if os.environ.get("DIE_AFTER_EFFECT"):
    whole = reception.receive

    def receive(link, raw, call):
        answer = whole(link, raw, call)
        if call.action == "VehicleArrived":
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    reception.receive = receive

application = config.asgi.application
