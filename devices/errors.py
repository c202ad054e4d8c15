"""Typed errors of devices, their keys, log-ins and messages."""

from django.utils.translation import gettext_lazy as _

from core.errors import Denied, Missing, Refused, TooMany


class KeyRefused(Denied):
    """The key is not this device's, or no longer; all reasons look the same from outside."""

    status = 401

    def __init__(self) -> None:
        super().__init__("key_refused", _("The device's key is not valid."))


class Helpless(Refused):
    """The platform answers, but could not lower a lock now."""

    def __init__(self) -> None:
        super().__init__("not_serving", _("The platform can't serve now. Try again later."))


class StaleEpoch(Refused):
    """A newer log-in of the same device has taken over."""

    def __init__(self) -> None:
        super().__init__("stale_epoch", _("The device has logged in again on another connection."))


class Unlistened(Refused):
    """A message that is known, but that nothing here listens to."""

    def __init__(self, action: str) -> None:
        super().__init__("not_supported", _("Nobody listens to %(action)s here."), action=action)


class MessageIdReused(Refused):
    """The same message id came with other content."""

    def __init__(self) -> None:
        super().__init__(
            "message_id_reused", _("This message id was used before for something else.")
        )


class NotForKind(Denied):
    """A kind of device said or was told what is not for it."""

    def __init__(self, kind: str, action: str) -> None:
        super().__init__(
            "not_for_kind",
            _("%(action)s is nothing for a device of kind %(kind)s."),
            kind=kind,
            action=action,
        )


class AttendantNeeded(Denied):
    """Evidence from a handheld needs an attendant who has logged in on it."""

    def __init__(self) -> None:
        super().__init__("attendant_needed", _("Log in on the handheld first."))


class LoginRefused(Denied):
    """Name, password or role do not fit; which of them is not told."""

    def __init__(self) -> None:
        super().__init__("login_refused", _("The log-in name or password is not right."))


class LoginTooOften(TooMany):
    """Too many wrong passwords on this device or for this name."""

    def __init__(self) -> None:
        super().__init__("login_too_often")


class NoImage(Missing):
    """The photograph was not uploaded before it was spoken of."""

    def __init__(self) -> None:
        super().__init__("no_image", _("Upload the photograph first."))


class HashDiffers(Refused):
    """Checksum mismatch: the bytes are not those whose hash is in the address."""

    status = 400

    def __init__(self) -> None:
        super().__init__("hash_differs", _("The photograph arrived damaged. Send it again."))


class NoCommand(Missing):
    """No such command of this device."""

    def __init__(self) -> None:
        super().__init__("no_command", _("There is no such command."))


class NoDevice(Missing):
    """No such device, or not yours."""

    def __init__(self) -> None:
        super().__init__("no_device", _("There is no such device."))


class CodeTaken(Refused):
    """Another device has this code."""

    def __init__(self, code: str) -> None:
        super().__init__("code_taken", _("Another device has the code %(device)s."), device=code)


class DeviceRevoked(Refused):
    """The device was taken out of service."""

    def __init__(self) -> None:
        super().__init__("device_revoked", _("This device was taken out of service."))


class OrderReleased(Refused):
    """The lock was told to lower for this order; it is never raised for it again."""

    def __init__(self) -> None:
        super().__init__(
            "order_released", _("The lock was lowered for this order and is not raised again.")
        )


class NoReleaseCode(Missing):
    """The lock was never raised for this order, so there is no code."""

    def __init__(self) -> None:
        super().__init__("no_release_code", _("There is no release code for this order."))
