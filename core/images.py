"""Photographs, kept by their hash and shown only through signed, short-lived addresses."""

import hashlib
import os
import tempfile
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core import links
from core.errors import Invalid, Missing
from core.models import StoredImage
from core.pictures import HostileImage, check_image, first_picture, whole

URL_LIVES_S = 3600


def keep(data: bytes, *, by: str) -> str:
    """Store a photograph as it is and return its SHA-256; the same bytes twice are stored once.

    Raises Invalid with the code of core.pictures for a file that is no safe photograph.
    """
    if len(data) > settings.BOWEI_IMAGE_LIMIT:
        raise _too_large()
    try:
        facts = check_image(data)
        if not whole(data):
            raise HostileImage("truncated", "The image file is cut off.")
    except HostileImage as error:
        raise _refused(error) from error
    sha256 = hashlib.sha256(data).hexdigest()
    path = _path(sha256)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)  # whole or not at all
    StoredImage.objects.get_or_create(
        sha256=sha256,
        defaults={
            "content_type": facts.content_type,
            "size": len(data),
            "width": facts.width,
            "height": facts.height,
            "kept_by": by,
        },
    )
    return sha256


def take(data: bytes, *, by: str) -> str:
    """`keep` for what a person photographed: the first picture of a phone's file, without what
    follows it and without where it was taken."""
    if len(data) > settings.BOWEI_IMAGE_LIMIT:
        raise _too_large()
    try:
        bare = first_picture(data)
    except HostileImage as error:
        raise _refused(error) from error
    return keep(bare, by=by)


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
    if upload.size is None or upload.size > settings.BOWEI_IMAGE_LIMIT:
        raise _too_large()
    return upload.read()


def _too_large() -> Invalid:
    return Invalid("too_large", _("The photograph is larger than 12 MB."))


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


def url(sha256: str) -> str:
    """An address of the photograph for the page being made; it opens for an hour."""
    return reverse("core.photograph", args=[links.sign("photograph", sha256=sha256)])


def _path(sha256: str) -> Path:
    if len(sha256) != 64 or not sha256.isalnum():
        raise ValueError("not a SHA-256")
    return Path(settings.MEDIA_ROOT) / "photographs" / sha256[:2] / sha256[2:4] / sha256
