"""Template tags of all pages: money, time, plates, states and the strip of berths.

Everything here turns a value into its one way of being shown; nothing reads the database.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext, ngettext, pgettext
from django.utils.translation import gettext_lazy as _

from core import clock, plates, states
from core import qr as codes
from core.money import format_fen

register = template.Library()

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86400
LONG_FIGURE = 10  # characters: from ¥10,000.00 on


# Money


@register.filter
def money(fen: int | str | None) -> str:
    """Fen as yuan with two decimals: 431850 → `¥4,318.50`, -600 → `−¥6.00`, None → `—`."""
    if fen is None or fen == "":
        return "—"
    return format_fen(int(fen))


@register.filter
def long(text: Any) -> str:
    """The class of a large figure that would not fit its place in large type, else nothing."""
    return " long" if len(str(text)) >= LONG_FIGURE else ""


@register.simple_tag(name="money")
def money_tag(fen: int | str | None) -> SafeString:
    """The same, marked up so that it never breaks over a line."""
    return format_html('<span class="money">{}</span>', money(fen))


# Time


def _aware(at: datetime) -> datetime:
    return timezone.localtime(at) if timezone.is_aware(at) else at


@register.filter
def when(at: datetime | None) -> str:
    """A moment as people say it: `今天 09:12`, `昨天 21:40`, `3月2日 09:12`, `2025年3月2日 …`."""
    if at is None:
        return "—"
    there, here = _aware(at), _aware(clock.now())
    days = (here.date() - there.date()).days
    hour = there.strftime("%H:%M")
    if days == 0:
        return gettext("today %(hour)s") % {"hour": hour}
    if days == 1:
        return gettext("yesterday %(hour)s") % {"hour": hour}
    if days == -1:
        return gettext("tomorrow %(hour)s") % {"hour": hour}
    return f"{day(at)} {hour}"


@register.filter
def day(at: Any) -> str:
    """A date as people say it, the year only where it isn't this one."""
    if at is None:
        return "—"
    there = _aware(at) if isinstance(at, datetime) else at
    same_year = there.year == _aware(clock.now()).year
    # Translators: formats of a date without and with its year, in Django's date letters
    pattern = pgettext("date", "j M") if same_year else pgettext("date", "j M Y")
    return date_format(there, pattern)


@register.filter
def hour(at: datetime | None) -> str:
    """The time of day only: `09:47`."""
    return _aware(at).strftime("%H:%M") if at else "—"


@register.filter
def duration(seconds: float | None) -> str:
    """A length of time in days, hours and minutes: 5640 → `1 小时 34 分`."""
    if seconds is None:
        return "—"
    left = max(0, int(seconds))
    if left < MINUTE_S:
        return ngettext("%(n)d s", "%(n)d s", left) % {"n": left}
    days, left = divmod(left, DAY_S)
    hours, left = divmod(left, HOUR_S)
    minutes = left // MINUTE_S
    parts = []
    if days:
        parts.append(ngettext("%(n)d day", "%(n)d days", days) % {"n": days})
    if hours:
        parts.append(ngettext("%(n)d h", "%(n)d h", hours) % {"n": hours})
    if minutes and not days:
        parts.append(ngettext("%(n)d min", "%(n)d min", minutes) % {"n": minutes})
    return " ".join(parts)


@register.filter
def elapsed(since: datetime | None, until: datetime | None = None) -> str:
    """The length from `since` to `until`, or to now."""
    if since is None:
        return "—"
    return duration(((until or clock.now()) - since).total_seconds())


@register.filter
def age(at: datetime | None) -> str:
    """How long ago, for things that report by the wall clock: `32 分钟前`."""
    if at is None:
        return gettext("never")
    seconds = (clock.real() - at).total_seconds()
    if seconds < 5:
        return gettext("just now")
    return gettext("%(time)s ago") % {"time": _coarse(seconds)}


def _coarse(seconds: float) -> str:
    for unit_s in (DAY_S, HOUR_S, MINUTE_S):
        if seconds >= unit_s:
            return duration(seconds // unit_s * unit_s)
    return duration(seconds)


@register.filter
def short_age(at: datetime | None) -> str:
    """An age that fits into a berth: `32m`, `5h`, `3d`."""
    if at is None:
        return "?"
    seconds = int((clock.real() - at).total_seconds())
    for unit_s, letter in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "m")):
        if seconds >= unit_s:
            return f"{seconds // unit_s}{letter}"
    return f"{max(0, seconds)}s"


@register.simple_tag
def ago(at: datetime | None, style: str = "when") -> SafeString | str:
    """A moment with its machine-readable value; `style` is `when`, `hour`, `day` or `age`."""
    if at is None:
        return "—"
    words = {"when": when, "hour": hour, "day": day, "age": age}[style](at)
    local = _aware(at)
    exact = local.strftime("%Y-%m-%d %H:%M:%S")
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        exact,
        words,
    )


# Plates

PLATE_LOOKS = {
    "blue": ("plate-blue", _("blue plate")),
    "green": ("plate-green", _("green plate")),
    "limegreen": ("plate-yellow-green", _("yellow-green plate")),
    "yellow_green": ("plate-yellow-green", _("yellow-green plate")),
    "yellow": ("plate-yellow", _("yellow plate")),
    "white": ("plate-white", _("white plate")),
    "black": ("plate-black", _("black plate")),
}
RED_ON_WHITE = ("警", "应急")


@register.inclusion_tag("components/plate.html")
def plate(
    what: Any,
    colour: str = "",
    masked: bool | None = None,
    size: str = "",
    rows: int = 0,
) -> dict[str, Any]:
    """The chip of a plate. `what` is its text, a Plate, or what core.plates.chip says of one.

    `rows=2` for a plate of two rows (a trailer's always is); without a text it says so.
    """
    if isinstance(what, Mapping):
        text, colour = what.get("text") or "", colour or what.get("colour") or ""
        masked = bool(what.get("masked")) if masked is None else masked
    elif isinstance(what, plates.Plate):
        text, colour = what.text, colour or what.colour_text
    else:
        text = str(what or "")
    shown = plates.masked(text) if masked else plates.display(text)
    head, _dot, tail = shown.rpartition("·")
    look, name = PLATE_LOOKS.get(str(colour).lower(), ("plate-unknown", ""))
    red_head = red_tail = ""
    if look == "plate-white":
        if text.startswith("WJ") or head.isascii():
            red_head, head = head, ""
        for suffix in RED_ON_WHITE:
            if tail.endswith(suffix):
                red_tail, tail = suffix, tail.removesuffix(suffix)
    return {
        "text": shown,
        "head": head,
        "red_head": red_head,
        "tail": tail,
        "red_tail": red_tail,
        "look": look,
        "colour_name": name,
        "size": size,
        "two_rows": rows == 2 or text.endswith("挂"),
    }


# States, icons, steps


@register.simple_tag
def icon(name: str, says: str = "") -> SafeString:
    """An icon of the sprite; decorative unless it `says` something."""
    href = f"{static('bowei/icons.svg')}#{name}"
    if says:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}"/></svg>', says, href
        )
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"/></svg>', href)


@register.inclusion_tag("components/state.html")
def state(subject: str, value: str, word: str = "") -> dict[str, Any]:
    """The pill of one state: `{% state "stay" stay.state %}`; `word` replaces the state's word."""
    try:
        seen = value if isinstance(value, states.States) else states.of_subject(subject, value)
    except LookupError:  # of a later version: shown by its name, so that nothing is hidden
        return {"word": str(value).replace("_", " "), "icon": states.Shape.PAST.icon, "tone": ""}
    return {"word": word or gettext(seen.word), "icon": seen.shape.icon, "tone": seen.shape.tone}


@register.inclusion_tag("components/battery.html")
def battery(percent: int | None) -> dict[str, Any]:
    """A battery's charge as shape and number; low below 20 %."""
    full = 0 if percent is None else max(0, min(100, int(percent)))
    return {"percent": percent, "width": round(full * 0.18, 1), "low": full < 20}


@register.simple_tag
def qr(text: str) -> SafeString:
    """An address or a provider's text as a code to scan."""
    return mark_safe(codes.svg(text))  # a drawing, without the text in it


# The strip

BERTH_WORDS = {
    "free": _("free"),
    "paid": _("taken, paid"),
    "unpaid": _("taken, not paid yet"),
    "over": _("over time or in doubt"),
    "out": _("out of service"),
    "silent": _("sensor silent"),
}


@register.inclusion_tag("components/strip.html")
def strip(berths: Iterable[Mapping[str, Any]], name: str = "", id: str = "strip") -> dict[str, Any]:
    """A section as a row of berths in street order.

    Each berth: `number`, `state` (free, paid, unpaid, over, out, silent), and where they apply
    `lock_up`, `label` (more words for those who listen), `url`, `age` (of a silent sensor's last
    word, a short text or a datetime).
    """
    row = []
    for place, berth in enumerate(berths):
        words = [str(berth["number"]), str(BERTH_WORDS.get(berth["state"], berth["state"]))]
        heard = berth.get("age")
        heard = short_age(heard) if isinstance(heard, datetime) else heard
        if berth["state"] == "silent" and heard:
            words.append(gettext("last word %(time)s ago") % {"time": heard})
        if berth.get("lock_up"):
            words.append(gettext("lock up"))
        if berth.get("label"):
            words.append(str(berth["label"]))
        separator = "，" if (get_language() or "").startswith("zh") else ", "
        row.append(
            {
                "id": f"{id}-{place}",
                "number": berth["number"],
                "state": berth["state"],
                "lock_up": bool(berth.get("lock_up")),
                "url": berth.get("url") or "",
                "age": heard or "",
                "says": separator.join(words),
            }
        )
    return {"berths": row, "name": name, "id": id}


@register.inclusion_tag("components/strip_legend.html")
def strip_legend(updated_at: datetime | None = None) -> dict[str, Any]:
    """What the shapes of the strips mean."""
    return {"updated_at": updated_at}


# Tables


@register.inclusion_tag("components/sort.html", takes_context=True)
def sort(
    context: template.Context, key: str, text: str, end: bool = False, current: str = ""
) -> dict[str, Any]:
    """A table's head cell that sorts by `key`, while the order is `current` (`-` descends)."""
    request = context["request"]
    query = request.GET.copy()
    query.pop("page", None)
    query["sort"] = f"-{key}" if current == key else key
    order = {key: "ascending", f"-{key}": "descending"}.get(str(current), "")
    return {
        "key": key,
        "text": text,
        "url": f"?{query.urlencode()}",
        "order": order,
        "current": current,
        "end": end,
    }


@register.simple_tag
def sort_by() -> SafeString:
    """For a thead whose heads sort: what stands before them on a phone, where rows are cards."""
    return format_html('data-label="{}"', gettext("Sort by"))


# The portal's navigation

NAVIGATION: Sequence[tuple[str, Any, str, str]] = (  # page, its name, what is counted, its right
    ("parking.street", _("Street"), "", "see"),
    ("parking.stays", _("Stays"), "", "see"),
    ("arrears.debts", _("Debts"), "debts", "debts"),
    ("recovery.list", _("Recovery"), "recovery", "debts"),
    ("devices.list", _("Devices"), "devices", "see"),
    ("monthlycard.lots", _("Cards & lots"), "cards", "cards"),
    ("payments.money", _("Money"), "money", "money"),
    ("payments.payouts", _("Payouts"), "", "money"),
    ("payments.cash", _("Cash"), "cash", "cash"),
)


@register.inclusion_tag("components/navigation.html", takes_context=True)
def navigation(context: template.Context) -> dict[str, Any]:
    """The portal's pages that exist and that this person may open, with what waits in each
    (`nav_counts`: page → number)."""
    request = context.get("request")
    path, may_do = getattr(request, "path", ""), getattr(request, "may_do", None)
    counts = context.get("nav_counts") or {}
    items = []
    for name, text, counted, right in NAVIGATION:
        if may_do and not may_do(right):
            continue
        try:
            url = reverse(name)
        except NoReverseMatch:
            continue
        items.append({"url": url, "text": text, "count": counts.get(counted)})
    inside = [item["url"] for item in items if path.startswith(item["url"])]
    here = max(inside, key=len, default="")
    for item in items:
        item["here"] = item["url"] == here
    return {"items": items}
