"""The other end of the lots' interface: a reference client and two makers' lot systems.

Needs Python's own library and `requests`, and Pydantic to check a statement; nothing of the
platform but the shared arithmetic in `monthlycard.rules` and how JSON is read (`core.reading`).
The interface in prose: docs/lot-protocol.md.

    lot = ListLot(LotClient("http://127.0.0.1:8000", "east", secret))
    lot.sync()
    lot.enter("沪A12345", "blue")
"""

from monthlycard.client.connection import LotClient, PlatformRefused, PlatformSilent
from monthlycard.client.lots import AskLot, ListLot, Movement

__all__ = ["AskLot", "ListLot", "LotClient", "Movement", "PlatformRefused", "PlatformSilent"]
