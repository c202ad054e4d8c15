"""A second maker's lot system, written from docs/lot-protocol.md alone (P4.13).

It shares no line with the platform or its reference client: its own signing, its own HTTP, its own
list, its own arithmetic (a stay is walked boundary by boundary in seconds of the city's day).
"""

import contextlib
import datetime as dt
import hashlib
import hmac
import http.client
import json
import os
import time
import urllib.parse
from types import SimpleNamespace

ROOT = "/api/v1/monthlycard/lots/"
CITY = dt.timezone(dt.timedelta(hours=8))
DAY = 86400
DAYS = dt.timedelta(days=1)
RANK = ["valid", "suspended", "expired", "not_yet", "other_lot", "ended", "other_colour"]


class NoAnswer(Exception):
    """Silence, an error of the platform, or an answer that the platform did not sign."""


class Beta:
    """Asks at each barrier and falls back on its list; keeps its books in plain dictionaries."""

    def __init__(self, base, code, secret):
        self.host = urllib.parse.urlsplit(base).netloc
        self.code, self.key = code, secret.encode()
        self.versions = {}  # card → its records, oldest first
        self.cursor = 0
        self.book = []  # all passes
        self.told = set()  # record ids that the platform has
        self.late = set()
        self.odd = set()
        self.visit_in = {}  # visit → number of the statement it stands in

    # ── The wire ────────────────────────────────────────────────────────────────────────────────
    def mac(self, *parts):
        return hmac.new(self.key, "\n".join(parts).encode(), hashlib.sha256).hexdigest()

    def call(self, verb, what, body=None, raw=False):
        path, data = ROOT + what, b"" if body is None else json.dumps(body).encode()
        moment, nonce = str(time.time_ns() // 10**6), os.urandom(12).hex()
        headers = {
            "Content-Type": "application/json",
            "X-Bowei-Lot": self.code,
            "X-Bowei-Time": moment,
            "X-Bowei-Nonce": nonce,
            "X-Bowei-Signature": self.mac(
                verb, path, moment, nonce, hashlib.sha256(data).hexdigest()
            ),
        }
        line = http.client.HTTPConnection(self.host, timeout=10)
        try:
            line.request(verb, path, data, headers)
            answer = line.getresponse()
            got, status = answer.read(), answer.status
            sign = answer.headers.get("X-Bowei-Signature", "")
        except OSError as error:
            raise NoAnswer(str(error)) from error
        finally:
            line.close()
        if status >= 500:
            raise NoAnswer(str(status))
        if status >= 400:
            raise ValueError(json.loads(got)["code"])
        if not hmac.compare_digest(
            sign, self.mac(str(status), nonce, hashlib.sha256(got).hexdigest())
        ):
            raise NoAnswer("not signed")
        return got if raw else json.loads(got)

    # ── List, agreement, time ───────────────────────────────────────────────────────────────────
    def now(self):
        return moment(self.call("GET", "time/")["now"])

    def sync(self):
        came, more = 0, True
        while more:
            page = self.call("GET", f"records/?since={self.cursor}")
            for record in page["records"]:
                self.versions.setdefault(record["card"], []).append(record)
            came, more = came + len(page["records"]), page["more"]
            self.cursor = page["cursor"]
        return came

    def agree(self):
        offer = self.call("GET", "agreement/")
        names = "lot version terms when_expired period period_day silence_agrees_after_h valid_from"
        text = json.dumps(
            {name: offer[name] for name in names.split()},
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
        )
        mine = hashlib.sha256(text.encode()).hexdigest()
        if mine != offer["hash"]:
            raise ValueError("these are not the terms of that hash")
        body = {"version": offer["version"], "signature": self.mac(mine)}
        self.call("POST", "agreement/", body)
        return offer["version"]

    # ── The barrier ─────────────────────────────────────────────────────────────────────────────
    def by_list(self, plate, colour, at):
        """(reason, card) of the best record of this plate."""
        found = []
        for records in self.versions.values():
            r = records[-1]
            if r["plate"] != plate:
                continue
            greens = {"green", "yellow_green"}
            if colour and r["colour"] and colour != r["colour"] and {colour, r["colour"]} != greens:
                reason = "other_colour"
            elif self.code not in r["lots"]:
                reason = "other_lot"
            elif r["state"] != "active":
                reason = r["state"]
            elif at < moment(r["valid_from"]):
                reason = "not_yet"
            else:
                reason = "valid" if at < moment(r["valid_until"]) else "expired"
            found.append((RANK.index(reason), reason, r["card"]))
        return min(found)[1:] if found else ("no_card", "")

    def ask(self, direction, plate, colour, at, own):
        body = {
            "request_id": f"{self.code}-{os.urandom(8).hex()}",
            "direction": direction,
            "plate": plate,
            "colour": colour,
            "at": at.isoformat(),
            "own_list": own,
        }
        answer = self.call("POST", "questions/", body)
        self.notice = answer["notice"]
        return answer["reason"], answer["card"] or ""

    def enter(self, plate, colour, at=None):
        return self.move("entry", plate, colour, at)

    def leave(self, plate, colour, at=None):
        return self.move("exit", plate, colour, at)

    def move(self, direction, plate, colour, at):
        at = (at or self.now()).replace(microsecond=0)
        reason, card = self.by_list(plate, colour, at)
        with contextlib.suppress(NoAnswer):
            reason, card = self.ask(direction, plate, colour, at, reason == "valid")
        card = card if reason == "valid" else ""
        flow = "card" if card else "temporary"
        if direction == "exit":
            before = [p for p in self.book if p["plate"] == plate]
            inside = before[-1]["card"] if before and before[-1]["direction"] == "entry" else ""
            if reason == "expired" and inside:
                card = inside
            elif card != inside:
                flow, card = "temporary", ""
        today = [
            p
            for p in self.book
            if p["plate"] == plate
            and p["direction"] == direction
            and moment(p["at"]).date() == at.date()
        ]
        record = {
            "record_id": f"B{len(self.book):06d}",
            "direction": direction,
            "flow": flow,
            "reason": reason,
            "plate": plate,
            "colour": colour,
            "etc_plate": "",
            "card": card,
            "at": at.isoformat(),
            "count_today": len(today) + 1,
        }
        self.book.append(record)
        return SimpleNamespace(**record, barrier_opened=True)

    def report(self, again=False):
        batch = [p for p in self.book if again or p["record_id"] not in self.told]
        if not batch:
            return []
        outcomes = self.call("POST", "passes/", {"records": batch})["outcomes"]
        self.told |= {row["record_id"] for row in outcomes}
        for row in outcomes:
            if row.get("oddity"):
                heap = self.late if row["oddity"] == "late" else self.odd
                heap.add(row["record_id"])
        return outcomes

    # ── Statements ──────────────────────────────────────────────────────────────────────────────
    def open_statements(self):
        rows = self.call("GET", "statements/")["statements"]
        return [row["number"] for row in rows if row["state"] in ("sent", "disputed")]

    def check(self, number):
        self.sync()
        sheet = self.call("GET", f"statements/{number}/")
        file = self.call("GET", f"statements/{number}/?file=csv", raw=True)
        if hashlib.sha256(file).hexdigest() != sheet["checksum"]:
            raise ValueError("another file")
        for line in sheet["lines"]:
            self.visit_in[line["visit"]] = number
        deal = self.call("GET", f"agreement/?version={sheet['agreement']}")
        lines = [
            line
            for line in self.count(deal)
            if self.visit_in.get(line["visit"]) == number
            or (
                line["visit"] not in self.visit_in
                and moment(line["exit_at"]) < moment(sheet["ends_at"])
                and self.late.isdisjoint(line["visit"].split("/"))
            )
        ]
        body = {"checksum": sheet["checksum"], "lines": lines}
        return self.call("POST", f"statements/{number}/check/", body)

    def count(self, deal):
        """All lines that this lot's own book gives under an agreement."""
        inside, lines = {}, []
        for p in sorted(self.book, key=lambda p: (moment(p["at"]), p["direction"] == "entry")):
            if not p["card"] or p["flow"] == "refused":
                continue
            who = (p["plate"], p["card"])
            if p["direction"] == "entry":
                inside[who] = p
            elif who in inside:
                lines += self.price(deal, inside.pop(who), p)
        return lines

    def price(self, deal, entry, leaving):
        begin, end = moment(entry["at"]), moment(leaving["at"])
        if {entry["record_id"], leaving["record_id"]} & self.odd or end - begin > 60 * DAYS:
            return []
        known = [r for r in self.versions.get(entry["card"], []) if moment(r["made_at"]) <= end]
        first = [r for r in known if moment(r["made_at"]) <= begin]
        if not first or first[-1]["state"] != "active" or known[-1]["state"] == "suspended":
            return []
        for record in (first[-1], known[-1]):
            if record["plate"] != entry["plate"] or self.code not in record["lots"]:
                return []
        until = moment(first[-1]["valid_until"])
        if not moment(first[-1]["valid_from"]) <= begin < until:
            return []
        for later in known[len(first) :]:
            if moment(later["made_at"]) < until:
                until = moment(later["valid_until"])
        if end > until:
            if deal["when_expired"] == "temporary":
                return []
            counted = until
        else:
            counted = end
        facts = {
            "visit": f"{entry['record_id']}/{leaving['record_id']}",
            "card": entry["card"],
            "plate": entry["plate"],
            "colour": entry["colour"],
            "entry_at": entry["at"],
            "exit_at": leaving["at"],
            "counted_until": counted.isoformat(),
        }
        return [
            facts | {"quantity": n, "unit_price_fen": fen, "fee_fen": n * fen}
            for n, fen in fee(deal["terms"], begin, counted) or [(0, 0)]
        ]


def moment(text):
    return dt.datetime.fromisoformat(text)


def fee(terms, begin, end):
    """[(quantity, price)] of a stay."""
    if terms["basis"] == "count":
        return [(1, terms["entry_fen"])]
    start = seconds_of_day(begin)
    length = int((end - begin).total_seconds())
    if length <= terms["free_s"]:
        return []
    unit, up = terms["unit_s"], terms["rounding"] == "up"
    parts = []
    if terms["boundary"] == "carry":
        begun = -(-length // unit) if up else length // unit
        parts = [(1, price(terms, (start + n * unit) % DAY)) for n in range(begun)]
    else:
        edges = sorted({clock(w["starts"]) for w in terms["windows"]})
        spans, at = [], start
        while at < start + length:
            base = at - at % DAY
            following = [base + e for e in edges if base + e > at] or [base + DAY + edges[0]]
            until = min(following[0], start + length)
            fen = price(terms, at % DAY)
            if spans and spans[-1][1] == fen:
                spans[-1][0] += until - at
            else:
                spans.append([until - at, fen])
            at = until
        parts = [(-(-s // unit) if up else s // unit, fen) for s, fen in spans]
    lines = []
    for n, fen in parts:
        if n and lines and lines[-1][1] == fen:
            lines[-1] = (lines[-1][0] + n, fen)
        elif n:
            lines.append((n, fen))
    return lines


def seconds_of_day(at):
    local = at.astimezone(CITY)
    return local.hour * 3600 + local.minute * 60 + local.second


def clock(text):
    return int(text[:2]) * 3600 + int(text[3:]) * 60


def price(terms, second):
    for window in terms["windows"]:
        a, b = clock(window["starts"]), clock(window["ends"])
        if (a <= second < b) if a < b else (second >= a or second < b):
            return window["unit_fen"]
    raise ValueError("no window")
