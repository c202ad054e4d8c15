"""Training from the platform's own stays, once there are enough of them."""

import numpy as np
from django.db import connection

from arrears.risk.portrait import FEATURES_SQL, NOT_CONTESTED_SQL
from arrears.risk.training import Stays
from core import clock

# A stay's outcome is known once its window is over. Only such stays are learned from, each with its
# portrait at arrival; simulated, voided, waived and contested ones never.
HISTORY_SQL = f"""
WITH history AS (
    SELECT s.plate_text || '/' || s.plate_colour AS subject, s.id AS stay_id, s.arrived_at,
           s.left_at, s.settled_at, s.fee_fen, s.pay_window_s AS window_s, s.plate_text,
           s.plate_colour
    FROM parking_stay s
    WHERE s.is_billed AND NOT s.simulated AND {NOT_CONTESTED_SQL}
), targets AS (
    SELECT h.stay_id AS target_id, h.subject, h.arrived_at AS as_of,
           EXISTS (SELECT 1 FROM accounts_holding p WHERE p.plate_text = h.plate_text
                   AND p.plate_colour = h.plate_colour AND p.proven_at < h.arrived_at
                   AND (p.ended_at IS NULL OR p.ended_at > h.arrived_at)) AS holder_known
    FROM history h
    WHERE h.left_at + h.window_s * interval '1 second' < %(now)s
)
SELECT f.*, h.left_at, h.settled_at, h.window_s, h.plate_text
FROM ({FEATURES_SQL}) f JOIN history h ON h.stay_id = f.target_id
ORDER BY h.left_at, h.stay_id
"""


def real_stays() -> Stays:
    """The platform's own stays whose outcome is known, in order of leaving."""
    with connection.cursor() as cursor:
        cursor.execute(HISTORY_SQL, {"now": clock.now()})
        rows = cursor.fetchall()
    table = [[np.nan if value is None else value for value in row[1:-4]] for row in rows]
    delays = [
        np.nan if row[-3] is None else (row[-3] - row[-4]).total_seconds() / 3600 for row in rows
    ]
    windows = np.array([row[-2] for row in rows], dtype=np.float64)
    delay_h = np.array(delays, dtype=np.float64)
    new_energy = np.array([len(row[-1]) == 8 for row in rows], dtype=bool)
    features = np.array(table, dtype=np.float32).reshape(len(rows), -1)
    return Stays(
        features=features,
        late=np.isnan(delay_h) | (delay_h * 3600 > windows),
        delay_h=delay_h,
        left_at=[row[-4] for row in rows],
        groups={
            "new energy": new_energy,
            "fuel": ~new_energy,
            "first visit": features[:, 0] == 0 if len(rows) else new_energy,
        },
        source="history",
        note={"stays": len(rows)},
    )
