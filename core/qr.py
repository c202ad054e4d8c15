"""Addresses as QR codes: for screens as SVG, for paper as a picture of hard dots."""

import io

import segno


def svg(text: str) -> str:
    """The code, drawn; dark on white with its quiet zone in any theme, as scanners need it."""
    return str(
        segno.make_qr(text, error="m").svg_inline(
            dark="#000", light="#fff", border=4, omitsize=True, svgclass="qr", lineclass=None
        )
    )


def png(text: str) -> io.BytesIO:
    """The code to be printed, with its quiet zone: a quarter of it may be scratched or covered,
    since it hangs outside."""
    picture = io.BytesIO()
    segno.make_qr(text, error="q").save(picture, kind="png", scale=10, border=4)
    picture.seek(0)
    return picture
