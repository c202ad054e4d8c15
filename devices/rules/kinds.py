"""The kinds of device: what each may say, what it may be told, and what follows from that.

The only place that knows them by name; everybody else asks for an ability. `docs/extending.md`
says how another kind, or another message, is added.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

from devices.rules.protocol import (
    AttendantLogin,
    AttendantLogout,
    CommandResult,
    DeviceState,
    FromDevice,
    Heartbeat,
    ImageTaken,
    LockFetched,
    LockPlaced,
    LockStatus,
    LowerLock,
    Message,
    NoticeOutcome,
    RaiseLock,
    ReleaseCodeUsed,
    ShowNotice,
    ShowTask,
    TakeImage,
    ToDevice,
    VehicleArrived,
    VehicleLeft,
    WithdrawNotice,
)


def _(text: str) -> str:
    """Marks a word for the translators; models.Device.Kind says it in the reader's language."""
    return text


EVERY = (Heartbeat, DeviceState, CommandResult)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceKind:
    """A kind of device. Abilities that its messages show are read from them."""

    name: str  # stands in rows for good
    word: str
    says: tuple[type[FromDevice], ...]
    told: tuple[type[ToDevice], ...] = ()
    senses_a_berth: bool = False  # lies in its berth: while it is silent, nobody sees that berth
    speaks_for_all_berths: bool = False  # of its merchant; others only for those they look at

    @property
    def takes_photographs(self) -> bool:
        """Of vehicles, for the plate reader."""
        return ImageTaken in self.says

    @property
    def uploads(self) -> bool:
        """Whether any of its messages speaks of a photograph."""
        return any(one.name == "sha256" for said in self.says for one in fields(said))  # type: ignore[arg-type]

    @property
    def needs_attendant(self) -> bool:
        """Whether a person carries it, and must be logged in for what counts as evidence."""
        return AttendantLogin in self.says

    @property
    def read_by_people(self) -> bool:
        """Whether it can show a recovery notice to somebody."""
        return ShowNotice in self.told

    @property
    def is_lock(self) -> bool:
        """Whether it holds a vehicle."""
        return RaiseLock in self.told


SENSOR = DeviceKind(
    name="sensor",
    word=_("sensor"),
    says=(*EVERY, VehicleArrived, VehicleLeft),
    senses_a_berth=True,
)
CAMERA = DeviceKind(
    name="camera",
    word=_("camera"),
    says=(*EVERY, VehicleArrived, VehicleLeft, ImageTaken),
    told=(TakeImage,),
)
HANDHELD = DeviceKind(
    name="handheld",
    word=_("handheld"),
    says=(
        *EVERY,
        ImageTaken,
        AttendantLogin,
        AttendantLogout,
        LockPlaced,
        LockFetched,
        NoticeOutcome,
    ),
    told=(TakeImage, ShowNotice, WithdrawNotice, ShowTask),
    speaks_for_all_berths=True,
)
LOCK = DeviceKind(
    name="lock",
    word=_("lock"),
    says=(*EVERY, LockStatus, LockPlaced, LockFetched, ReleaseCodeUsed),
    told=(RaiseLock, LowerLock),
)
GATE = DeviceKind(
    name="gate",
    word=_("gate"),
    says=(*EVERY, VehicleArrived, VehicleLeft, ImageTaken, NoticeOutcome),
    told=(TakeImage, ShowNotice, WithdrawNotice),
    speaks_for_all_berths=True,
)

ALL = (SENSOR, CAMERA, HANDHELD, LOCK, GATE)
NAMES = tuple(kind.name for kind in ALL)
_BY_NAME = {kind.name: kind for kind in ALL}


def of(name: str) -> DeviceKind:
    """The kind of this name; KeyError for one that there never was (the database holds none)."""
    return _BY_NAME[name]


def names(able: Callable[[DeviceKind], bool]) -> list[str]:
    """The names of the kinds that are able to."""
    return [kind.name for kind in ALL if able(kind)]


def who_may(message: type[Message]) -> list[str]:
    """The names of the kinds that may say this message, or be told this command."""
    return names(lambda kind: message in (*kind.says, *kind.told))
