"""Changes to devices, their connections, and what they are told. The door for other rows."""

from devices.services.commands import expire_commands, order, withdraw
from devices.services.enrolment import enroll, revoke, rotate_key
from devices.services.images import keep_image
from devices.services.liveness import forget_old, notice_silence
from devices.services.reception import admit
from devices.services.release import release_code

__all__ = [
    "admit",
    "enroll",
    "expire_commands",
    "forget_old",
    "keep_image",
    "notice_silence",
    "order",
    "release_code",
    "revoke",
    "rotate_key",
    "withdraw",
]
