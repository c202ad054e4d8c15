"""Addresses as QR codes: for screens as SVG, for sheets of paper as the dots themselves."""

import segno


def svg(text: str) -> str:
    """The code, drawn; dark on white with its quiet zone in any theme, as scanners need it."""
    return str(
        segno.make_qr(text, error="m").svg_inline(
            dark="#000", light="#fff", border=4, omitsize=True, svgclass="qr", lineclass=None
        )
    )


def dots(text: str) -> list[list[bool]]:
    """Rows of dark and light modules without a quiet zone, to be printed: a quarter of them may be
    scratched or covered, since a sign hangs outside."""
    return [[bool(module) for module in row] for row in segno.make_qr(text, error="q").matrix]
