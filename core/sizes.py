"""The table of sizes: how much of anything is taken in, before memory is spent on it.

How often stands beside it in core/deeds.py, a device's frame in devices/rules/frames.py. What each
is for is told in docs/running.md, which names them all.
"""

KIB, MIB, GIB = 1024, 1024**2, 1024**3

# ── What stands before a body ────────────────────────────────────────────────────────────────
HEAD_BYTES = 32 * KIB  # the address and all headers
HEADERS = 100
HEAD_S = 20.0  # until all of it is here

# ── Bodies ───────────────────────────────────────────────────────────────────────────────────
BODY_BYTES = 1 * MIB  # forms, JSON, notifications
BODY_S = 120.0  # until all of it is here
PHOTOGRAPH_BYTES = 12 * MIB
BILL_BYTES = 512 * MIB  # a payment provider's bill of a day, unpacked: a million payments
LARGE_OF_NETWORK, LARGE_OF_ALL = 32, 64  # larger bodies than BODY_BYTES under way at a time
FORM_FIELDS, FORM_FILES = 2000, 10
JSON_DEPTH = 32  # of lists and objects in one another
JSON_ITEMS = 100_000  # names, values and elements, in all
JSON_TEXT = 64 * KIB  # characters of one text
JSON_DIGITS = 20  # of a whole number, which must fit a column of 64 bits

# ── Photographs that are kept, of a day ──────────────────────────────────────────────────────
KEPT_OF_PERSON = 300 * MIB
KEPT_OF_DEVICE = 2 * GIB  # a busy camera sends a quarter of it
KEPT_OF_ALL = 400 * GIB
DISK_LEFT = 1 * GIB  # less room than this is left to the database

# ── Sockets of live pages in one process: of a token, of a network, of all ───────────────────
LIVE_OF_TOKEN, LIVE_OF_NETWORK, LIVE_OF_ALL = 20, 200, 5000
