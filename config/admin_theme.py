"""How the operator's desk looks: Unfold's settings with the tokens of static/bowei/tokens.css."""

from django.templatetags.static import static
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

_static = lazy(static, str)

UNFOLD: dict[str, object] = {
    "SITE_TITLE": _("Bowei"),
    "SITE_HEADER": "泊位 Bowei",
    "SITE_SUBHEADER": _("Operator's desk"),
    "SITE_SYMBOL": "local_parking",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": _static("bowei/favicon.svg")}
    ],
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "BORDER_RADIUS": "8px",
    "STYLES": [
        _static("bowei/tokens.css"),
        _static("bowei/parts.css"),
        _static("bowei/desk.css"),
    ],
    "ACCOUNT": {"navigation": [{"title": _("My log-in"), "link": "/account/"}]},
    "DASHBOARD_CALLBACK": "config.admin_day.fill",
    "SIDEBAR": {"show_search": True, "show_all_applications": True},
    # The greys are mist, line, quiet and ink; the accent is the blue of a plate.
    "COLORS": {
        "base": {
            "50": "#f7f9fa",
            "100": "#f3f5f7",
            "200": "#e4e9ee",
            "300": "#d5dce3",
            "400": "#8693a0",
            "500": "#55626e",
            "600": "#44515d",
            "700": "#34414d",
            "800": "#222d37",
            "900": "#16202a",
            "950": "#10171e",
        },
        "primary": {
            "50": "#eef4fd",
            "100": "#e8effb",
            "200": "#c9dbf7",
            "300": "#a8c4f2",
            "400": "#8db6ff",
            "500": "#7aa7f5",
            "600": "#1450b8",
            "700": "#0e3f94",
            "800": "#0c3478",
            "900": "#0a2a60",
            "950": "#0a1a33",
        },
    },
}
