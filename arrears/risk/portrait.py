"""The portrait, computed in the database as of a moment (P0.2).

One statement serves both the platform and the training: it asks a relation `history` for what was
known before each target's `as_of`, so that a model can't be trained on one arithmetic and asked
with another. `history` has: subject, stay_id, arrived_at, left_at, settled_at (null while unpaid),
fee_fen, window_s. `targets` has: target_id, subject, as_of, holder_known. A payment at or after
`as_of` is not known yet: the stay counts as unpaid. A stay that was paid ahead says nothing about
paying after leaving; it counts in `ahead_share` alone.
"""

from arrears.risk.features import NAMES
from arrears.states import DebtState

LOOKS_BACK = "interval '365 days'"
LONGEST_DELAY_H = 720.0  # a month late and two months late say the same
RECENT = 5

NOT_CONTESTED_SQL = f"""NOT EXISTS (
    SELECT 1 FROM arrears_debt d WHERE d.stay_id = s.id
       AND d.state IN ('{DebtState.DISPUTED}', '{DebtState.WAIVED}', '{DebtState.CANCELLED}'))"""

FEATURES_SQL = f"""
SELECT t.target_id, f.stays, f.late_share, f.recent_late_share, f.overdue, f.mean_delay_h,
       f.last_delay_h, f.prompt_streak, f.ahead_share, f.days_since_last, f.mean_fee_yuan,
       t.holder_known::int AS holder_known
FROM targets t
CROSS JOIN LATERAL (
    WITH past AS (
        SELECT h.stay_id, h.left_at, h.fee_fen,
               coalesce(h.settled_at <= h.left_at, false) AS ahead,
               h.left_at + h.window_s * interval '1 second' AS window_ends,
               CASE WHEN h.settled_at < t.as_of THEN h.settled_at END AS paid_at
        FROM history h
        WHERE h.subject = t.subject AND h.left_at < t.as_of
          AND h.left_at >= t.as_of - {LOOKS_BACK}
    ), known AS (
        SELECT p.*,
               coalesce(paid_at, t.as_of) > window_ends AS late,
               greatest(0, least({LONGEST_DELAY_H},
                   extract(epoch FROM coalesce(paid_at, t.as_of) - left_at) / 3600)) AS delay_h,
               row_number() OVER (ORDER BY left_at DESC, stay_id DESC) AS nth
        FROM past p
        WHERE NOT ahead AND (paid_at IS NOT NULL OR window_ends < t.as_of)
    )
    SELECT (SELECT count(*) FROM past)::int AS stays,
           avg(late::int)::float AS late_share,
           avg(late::int) FILTER (WHERE nth <= {RECENT})::float AS recent_late_share,
           (count(*) FILTER (WHERE late AND paid_at IS NULL))::int AS overdue,
           avg(delay_h)::float AS mean_delay_h,
           (min(delay_h) FILTER (WHERE nth = 1))::float AS last_delay_h,
           (coalesce(min(nth) FILTER (WHERE late), count(*) + 1) - 1)::int AS prompt_streak,
           (SELECT avg(ahead::int) FROM past)::float AS ahead_share,
           (extract(epoch FROM t.as_of - (SELECT max(left_at) FROM past)) / 86400)::float
               AS days_since_last,
           ((SELECT avg(fee_fen) FROM past) / 100)::float AS mean_fee_yuan
    FROM known
) f
"""
COLUMNS: tuple[str, ...] = ("target_id", *NAMES)
