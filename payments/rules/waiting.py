"""How long to wait before asking a provider again (docs/facts.md 5)."""

_STEPS_S = (5, 10, 20, 30, 60, 60, 120, 300, 600, 1800)
_LAST_S = 3600


def next_look_s(looks: int) -> int:
    """Seconds until the next look, after `looks` of them: quick at first, then hourly."""
    return _STEPS_S[looks] if looks < len(_STEPS_S) else _LAST_S
