"""How the operator's desk looks: Unfold's settings with the tokens of static/bowei/tokens.css."""

UNFOLD: dict[str, object] = {"SITE_TITLE": "泊位 Bowei", "SITE_HEADER": "泊位 Bowei"}
