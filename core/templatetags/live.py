"""`{% live topic %}`: an element that asks again when its topic changes."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core import live as live_pages

register = template.Library()


@register.simple_tag
def live(topic: str) -> SafeString:
    """The attribute that static/bowei/live.js looks for: the signed topic of a live part."""
    return format_html('data-live="{}"', live_pages.token(topic))
