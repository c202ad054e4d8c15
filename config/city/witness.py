"""What really happened, kept beside the rows for the laws to compare with: who stood where and
when, what was told of it, who paid what, what was out of order. Nobody in the product sees it."""

from datetime import datetime
from typing import Any

from django.db import connection

TABLES = """
CREATE SCHEMA witness;
CREATE TABLE witness.price (section text, valid_from timestamptz, unit_fen integer);
CREATE TABLE witness.presence (
    id serial PRIMARY KEY, berth text, plate text, arrived timestamptz, departed timestamptz,
    told_in boolean NOT NULL DEFAULT false, told_out boolean NOT NULL DEFAULT false
);
CREATE INDEX ON witness.presence (berth, arrived);
CREATE TABLE witness.paid (
    number text PRIMARY KEY, at timestamptz, fen integer, plate text, for_own boolean
);
CREATE TABLE witness.dark (berth text, since timestamptz, until timestamptz);
CREATE TABLE witness.outage (part text, since timestamptz, until timestamptz);
CREATE TABLE witness.plan (
    valid_from timestamptz, price_fen integer, days integer, quota integer
);
CREATE TABLE witness.visit (lot text, plate text, entered timestamptz, exited timestamptz);
CREATE TABLE witness.lock (code text PRIMARY KEY, up_since timestamptz);
CREATE FUNCTION witness.fee(street text, began timestamptz, seconds double precision)
RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN seconds <= 900 THEN 0 ELSE ceil(seconds / 3600)::integer * (
        SELECT unit_fen FROM witness.price
        WHERE section = street AND valid_from <= began ORDER BY valid_from DESC LIMIT 1
    ) END
$$;
"""


class Witness:
    """Writes down what happened. One row a fact, one statement a row."""

    def make(self) -> None:
        self._do(TABLES)

    def price(self, section: str, valid_from: datetime, unit_fen: int) -> None:
        self._do("INSERT INTO witness.price VALUES (%s, %s, %s)", section, valid_from, unit_fen)

    def drives_in(self, berth: str, plate: str, at: datetime) -> None:
        self._do(
            "INSERT INTO witness.presence (berth, plate, arrived) VALUES (%s, %s, %s)",
            berth,
            plate,
            at,
        )

    def drives_off(self, berth: str, at: datetime) -> None:
        self._do(
            "UPDATE witness.presence SET departed = %s WHERE berth = %s AND departed IS NULL",
            at,
            berth,
        )

    def told(self, berth: str, way: str, at: datetime) -> None:
        """The platform has heard of this arrival or departure, with its right time."""
        told, moment = ("told_in", "arrived") if way == "in" else ("told_out", "departed")
        self._do(
            f"UPDATE witness.presence SET {told} = true WHERE berth = %s AND {moment} = %s",
            berth,
            at,
        )

    def paid(self, number: str, at: datetime, fen: int, plate: str, *, for_own: bool) -> None:
        self._do(
            "INSERT INTO witness.paid VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            number,
            at,
            fen,
            plate,
            for_own,
        )

    def meant_for_another(self, order: str) -> None:
        """Who paid this order says that it was for another vehicle than their own."""
        self._do(
            "UPDATE witness.paid SET for_own = false WHERE number IN (SELECT a.out_trade_no"
            " FROM payments_attempt a JOIN payments_order o ON o.id = a.order_id"
            " WHERE o.number = %s)",
            order,
        )

    def dark(self, berth: str, since: datetime, until: datetime) -> None:
        self._do("INSERT INTO witness.dark VALUES (%s, %s, %s)", berth, since, until)

    def outage(self, part: str, since: datetime, until: datetime) -> None:
        self._do("INSERT INTO witness.outage VALUES (%s, %s, %s)", part, since, until)

    def plan(self, valid_from: datetime, price_fen: int, days: int, quota: int) -> None:
        """What is offered from then on."""
        self._do(
            "INSERT INTO witness.plan VALUES (%s, %s, %s, %s)", valid_from, price_fen, days, quota
        )

    def enters(self, lot: str, plate: str, at: datetime) -> None:
        self._do("INSERT INTO witness.visit VALUES (%s, %s, %s)", lot, plate, at)

    def exits(self, lot: str, plate: str, at: datetime) -> None:
        self._do(
            "UPDATE witness.visit SET exited = %s WHERE lot = %s AND plate = %s AND exited IS NULL",
            *(at, lot, plate),
        )

    def lock(self, code: str, up_since: datetime | None) -> None:
        self._do(
            "INSERT INTO witness.lock VALUES (%s, %s)"
            " ON CONFLICT (code) DO UPDATE SET up_since = excluded.up_since",
            code,
            up_since,
        )

    def who(self, berth: str, at: datetime) -> str | None:
        """The plate of who stood in a berth then, or was just coming or leaving."""
        row = self._one(
            "SELECT plate FROM witness.presence WHERE berth = %s"
            " AND arrived <= %s + interval '2 minutes'"
            " AND coalesce(departed, 'infinity') >= %s - interval '2 minutes'"
            " ORDER BY abs(extract(epoch FROM arrived - %s)) LIMIT 1",
            *(berth, at, at, at),
        )
        return str(row[0]) if row else None

    def left(self, berth: str, arrived_at: datetime) -> datetime | None:
        """When the vehicle that stood there left; None while it stands or where none did."""
        row = self._one(
            "SELECT departed FROM witness.presence WHERE berth = %s"
            " AND arrived <= %s + interval '2 minutes'"
            " AND coalesce(departed, 'infinity') >= %s - interval '2 minutes'"
            " ORDER BY arrived DESC LIMIT 1",
            *(berth, arrived_at, arrived_at),
        )
        return row[0] if row else None

    def _one(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            found: tuple[Any, ...] | None = cursor.fetchone()
        return found

    def _do(self, sql: str, *values: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql, values or None)
