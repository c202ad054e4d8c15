"""Photographs as the desk shows them."""

from django.utils.html import format_html
from django.utils.translation import gettext as _

from core import images
from parking.models import Sighting


def picture(row: Sighting, width: int) -> str:
    url = images.url(row.image_sha, keeps=row.plate_text)
    return format_html('<img src="{}" width="{}" alt="">', url, width)


def original(row: Sighting) -> str:
    return format_html(
        '<a href="{}">{}</a>', images.asking_url(row.image_sha), _("Open the original")
    )
