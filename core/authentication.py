"""Who asks an interface: whoever is logged in to the pages."""

from typing import Any

from rest_framework.authentication import SessionAuthentication


class Session(SessionAuthentication):
    """Who is not logged in is asked to (401); who may not is refused (403)."""

    def authenticate_header(self, request: Any) -> str:
        return 'Session realm="Bowei"'
