"""Photographs, kept by their hash; pages show copies on which strangers are hidden.

Every address is signed and lives for an hour. `url` opens a copy that leaves one plate visible at
most; `original_url` opens what the camera sent, to the one person it was made for, with their
reason in the trail.
"""

import hashlib
import os
import tempfile
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core import clock, links, personal, quotas, sizes
from core.errors import Invalid, Missing
from core.models import ShownImage, StoredImage
from core.pictures import HostileImage, ImageFacts, check_image, first_picture, whole

URL_LIVES_S = 3600


def keep(data: bytes, *, by: str) -> str:
    """Store a photograph as it is and return its SHA-256; the same bytes twice are stored once.

    Raises Invalid with the code of core.pictures for a file that is no safe photograph, TooMany
    beyond the quota of a day (core.quotas), DiskFull.
    """
    facts = _checked(data)
    sha256 = hashlib.sha256(data).hexdigest()
    if not exists(sha256):
        quotas.check(by=by)
    path = _path(sha256)
    if not path.exists():
        _write(path, data)
    _row, new = StoredImage.objects.get_or_create(
        sha256=sha256,
        defaults={
            "content_type": facts.content_type,
            "size": len(data),
            "width": facts.width,
            "height": facts.height,
            "kept_by": by,
        },
    )
    if new:
        quotas.note(len(data), by=by)
    return sha256


def _checked(data: bytes) -> ImageFacts:
    if len(data) > sizes.PHOTOGRAPH_BYTES:
        raise _too_large()
    try:
        facts = check_image(data)
        if not whole(data):
            raise HostileImage("truncated", "The image file is cut off.")
    except HostileImage as error:
        raise _refused(error) from error
    return facts


def take(data: bytes, *, by: str) -> str:
    """`keep` for what a person photographed: the first picture of a phone's file, without what
    follows it and without where it was taken."""
    return keep(_first(data), by=by)


def unkept(data: bytes) -> bytes:
    """What `take` would keep, checked in the same way and not kept. Raises Invalid."""
    bare = _first(data)
    _checked(bare)
    return bare


def _first(data: bytes) -> bytes:
    if len(data) > sizes.PHOTOGRAPH_BYTES:
        raise _too_large()
    try:
        return first_picture(data)
    except HostileImage as error:
        raise _refused(error) from error


def _refused(error: HostileImage) -> Invalid:
    if error.code == "unsupported":
        return Invalid(
            error.code,
            _(
                "This kind of file is not taken. Send a photograph as JPEG, PNG, WebP or BMP; "
                "an iPhone takes JPEG with Settings, Camera, Formats, Most Compatible."
            ),
        )
    return Invalid(error.code, _("This file can't be used as a photograph. Take it again."))


def keep_upload(upload: UploadedFile, *, by: str) -> str:
    """`take` for a photograph of a form."""
    return take(read_upload(upload), by=by)


def read_upload(upload: UploadedFile) -> bytes:
    """The bytes of a photograph of a form. Raises Invalid before they are read if too many."""
    if upload.size is None or upload.size > sizes.PHOTOGRAPH_BYTES:
        raise _too_large()
    return upload.read()


def _too_large() -> Invalid:
    return Invalid("too_large", _("The photograph is larger than 12 MB."))


def forget(hashes: list[str]) -> None:
    """Remove these photographs with all their copies: first the files, then the rows.

    A process that dies between leaves rows, which the next run finds.
    """
    for key in ShownImage.objects.filter(original__in=hashes).values_list("key", flat=True):
        _shown_path(key).unlink(missing_ok=True)
    for sha256 in hashes:
        _path(sha256).unlink(missing_ok=True)
    StoredImage.objects.filter(pk__in=hashes).delete()


def load(sha256: str) -> bytes:
    """The photograph's bytes. Raises Missing."""
    try:
        return _path(sha256).read_bytes()
    except (FileNotFoundError, ValueError) as error:
        raise Missing("no_image") from error


def exists(sha256: str) -> bool:
    return StoredImage.objects.filter(pk=sha256).exists()


def kept_at(sha256: str) -> datetime | None:
    """When this photograph came to us first, in real time; None where it never did."""
    return StoredImage.objects.filter(pk=sha256).values_list("created_at", flat=True).first()


def url(sha256: str, *, keeps: str = "") -> str:
    """An address of the photograph with all plates and faces covered, but a plate that reads
    `keeps`: whoever is not shown to hold that vehicle is given none."""
    sealed = personal.seal(keeps) if keeps else ""
    return reverse("core.photograph", args=[links.sign("photograph", sha=sha256, keeps=sealed)])


def original_url(sha256: str, *, why: str, person_id: int | None = None) -> str:
    """An address of what the camera sent, for this person, else for whoever works on the operator's
    desk; opening it is noted with `why`."""
    token = links.sign("original", sha=sha256, person=person_id, why=why)
    return reverse("core.original", args=[token])


def asking_url(sha256: str, *, person_id: int | None = None) -> str:
    """Where the same people say why they open the original."""
    token = links.sign("ask original", sha=sha256, person=person_id)
    return reverse("core.ask_original", args=[token])


# ── Copies as strangers may see them ──────────────────────────────────────────────────────────
def shown(sha256: str, keeps: str) -> bytes | None:
    """The copy of this photograph (JPEG) that leaves the plate `keeps`; None until it is made.

    Who asks first has it made. Raises Missing for a photograph that is gone or can't be shown.
    """
    key = personal.digest(f"{sha256}/{keeps}")
    if not exists(sha256):
        raise Missing("no_image")
    row, _new = ShownImage.objects.get_or_create(
        key=key,
        defaults={"original_id": sha256, "plate_text": keeps, "ask_at": clock.real()},
    )
    if row.made_at is None:
        if row.ask_at is None:
            raise Missing("no_image")
        return None
    try:
        return _shown_path(key).read_bytes()
    except FileNotFoundError as error:
        raise Missing("no_image") from error


def put_shown(key: str, jpeg: bytes) -> bool:
    """Keep a copy that was made; False where another was quicker or its photograph has gone."""
    _write(_shown_path(key), jpeg)
    made = ShownImage.objects.filter(key=key, made_at=None).update(
        made_at=clock.real(), ask_at=None
    )
    if not made and not ShownImage.objects.filter(key=key).exists():
        _shown_path(key).unlink(missing_ok=True)
    return bool(made)


def give_up_shown(key: str) -> None:
    """This photograph can't be covered: nobody is shown it."""
    ShownImage.objects.filter(key=key, made_at=None).update(ask_at=None)


def _shown_path(key: str) -> Path:
    return _path(key, folder="shown")


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(name, path)


def _path(sha256: str, *, folder: str = "photographs") -> Path:
    if len(sha256) != 64 or not sha256.isalnum():
        raise ValueError("not a SHA-256")
    return Path(settings.MEDIA_ROOT) / folder / sha256[:2] / sha256[2:4] / sha256
