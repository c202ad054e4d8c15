"""The laws (docs/rules.md) as questions to the rows alone, and to what was witnessed in the street.

None of them uses a rule, a selector or a service of the product: each says in SQL what must never
be found. A row found is a violation: what it is about, and why. `%(since)s` leaves out what is old
(asked for after each step; everything is asked for now and then), `%(rest)s` says that nothing is
under way any more, so that what follows by a reaction must have followed; `%(served)s` the same
where only the provider may be away.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.db import connection

from config.city.built import FLAP_S, GRACE_S, LEAVE_BY_S, WINDOW_S

TOLERANCE_S = 300  # what clocks of sensors and the way of a message may differ


@dataclass(frozen=True)
class Law:
    """`asks` selects (what, why) for each breach; `says` is the promise."""

    code: str
    name: str
    says: str
    asks: str


@dataclass(frozen=True, order=True)
class Breach:
    law: str
    name: str
    what: str
    why: str


# Open questions about a stay: whoever asked, whatever is asked. What a photograph of leaving shows
# says nothing of whose stay it was.
QUESTION = """
    SELECT asked.stay_id, asked.opened_at FROM parking_reviewitem asked
    LEFT JOIN parking_sighting seen ON seen.id = asked.sighting_id
    WHERE asked.state = 'open' AND asked.stay_id IS NOT NULL AND NOT (
        asked.kind = 'plate' AND asked.why <> 'doubted'
        AND seen.purpose IS NOT DISTINCT FROM 'leaving')
  UNION ALL
    SELECT named.parkingsession_id, said.opened_at
    FROM arrears_dispute said
    JOIN arrears_dispute_stays named ON named.dispute_id = said.id
    JOIN parking_parkingsession s ON s.id = named.parkingsession_id
    WHERE said.state = 'open'
      AND (said.plate_text = '' OR (said.plate_text, said.plate_colour)
                                 = (s.plate_text, s.plate_colour))
"""


def _told_apart(one: str, other: str) -> str:
    """Whether photographs of both presences were read, as different vehicles."""
    return f"""EXISTS (
        SELECT 1 FROM parking_sighting x JOIN parking_sighting y ON y.berth_id = x.berth_id
        WHERE x.berth_id = b.id AND x.state = 'settled' AND y.state = 'settled'
          AND x.plate_text <> y.plate_text
          AND x.occurred_at BETWEEN {one}.arrived AND {one}.departed
          AND y.occurred_at >= {other}.arrived
          AND y.occurred_at < coalesce({other}.departed, 'infinity'))"""


# The berth was taken again so soon that its sensor might have lost the vehicle for a moment, and
# no photographs tell the two apart.
SOON = f"""
    SELECT 1 FROM witness.presence again WHERE again.berth = p.berth
      AND again.arrived BETWEEN p.departed AND p.departed + interval '{FLAP_S} s'
      AND (again.plate = p.plate OR NOT {_told_apart("p", "again")})
"""

# Vehicles may follow each other within the tolerance: a stay is of the presence whose beginning is
# nearest to its own.
NEAREST = """NOT EXISTS (
    SELECT 1 FROM witness.presence q WHERE q.berth = p.berth AND q.id <> p.id
      AND abs(extract(epoch FROM q.arrived - s.arrived_at))
        < abs(extract(epoch FROM p.arrived - s.arrived_at)))
"""

LAWS = (
    # ── L1: doubt ────────────────────────────────────────────────────────────────────────────
    Law(
        "L1",
        "debt",
        "No debt is open for a stay that is in question.",
        """
        SELECT 'stay ' || d.stay_id, 'its debt is open while a question about it is'
        FROM question q JOIN arrears_debt d ON d.stay_id = q.stay_id
        WHERE d.state = 'open' AND %(rest)s
        """,
    ),
    Law(
        "L1",
        "new debt",
        "No debt arises while a stay is in question: its window stands still.",
        """
        SELECT 'stay ' || d.stay_id, 'a debt arose while a question was open'
        FROM question q JOIN arrears_debt d ON d.stay_id = q.stay_id
        WHERE d.state IN ('open', 'disputed') AND d.opened_at > q.opened_at
        """,
    ),
    Law(
        "L1",
        "text",
        "No demand and no reminder goes out for a stay that is in question.",
        """
        SELECT 'stay ' || d.stay_id, 'a demand was texted while a question was open'
        FROM question q
        JOIN arrears_debt d ON d.stay_id = q.stay_id
        JOIN arrears_demand_debts part ON part.debt_id = d.id
        JOIN accounts_smsmessage text ON text.key = 'demand:' || part.demand_id
        WHERE text.sent_at > q.opened_at
        UNION ALL
        SELECT 'stay ' || plan.stay_id, 'a contact was made while a question was open'
        FROM question q
        JOIN arrears_plan plan ON plan.stay_id = q.stay_id
        JOIN arrears_contact made ON made.plan_id = plan.id
        WHERE made.at > q.opened_at
        """,
    ),
    Law(
        "L1",
        "list",
        "Nobody is listed, and no terminal is told, for stays that are in question.",
        """
        SELECT 'listed ' || e.plate_text, 'listed while all its debts are in question'
        FROM arrears_blacklistentry e
        WHERE e.state = 'active' AND %(rest)s AND NOT EXISTS (
            SELECT 1 FROM arrears_debt d
            WHERE d.plate_text = e.plate_text
              AND (d.plate_colour = e.plate_colour OR '' IN (d.plate_colour, e.plate_colour))
              AND d.state = 'open' AND d.stay_id NOT IN (SELECT stay_id FROM question))
        UNION ALL
        SELECT 'notice ' || n.id, 'a terminal shows a debt that is in question'
        FROM arrears_recoverynotice n
        JOIN arrears_debt d ON n.debt_ids @> to_jsonb(d.id)
        WHERE n.state IN ('made', 'sent', 'shown', 'acknowledged') AND n.due_at > %(now)s
          AND n.made_at > %(since)s AND d.stay_id IN (SELECT stay_id FROM question) AND %(rest)s
        """,
    ),
    Law(
        "L1",
        "voices",
        "No plate is settled by what several half believe, unless together they are sure.",
        """
        SELECT 'photograph ' || seen.id,
            'its plate was agreed on with a certainty of ' || round(seen.confidence::numeric, 2)
        FROM parking_sighting seen
        WHERE seen.state = 'settled' AND seen.settled_by = 'system:parking.vote'
          AND seen.confidence < 0.9 AND seen.settled_at > %(since)s
        """,
    ),
    Law(
        "L1",
        "camera",
        "A camera that may not bill settles no plate by itself.",
        """
        SELECT 'photograph ' || seen.id, 'its plate was settled by a camera that may not bill'
        FROM parking_cameratrust trust
        JOIN parking_sighting seen ON seen.device_id = trust.device_id
        WHERE trust.state = 'stopped' AND seen.settled_by = 'system:parking.reader'
          AND seen.settled_at > trust.changed_at AND seen.settled_at > %(since)s
        """,
    ),
    Law(
        "L1",
        "deduction",
        "Nothing is asked for or taken of a card while an objection about it is open.",
        """
        SELECT 'deduction ' || d.id, 'it is ' || d.state || ' while an objection to it is open'
        FROM monthlycard_deduction d
        JOIN monthlycard_cardobjection said ON said.deduction_id = d.id AND said.state = 'open'
        WHERE d.state IN ('due', 'overdue')
        UNION ALL
        SELECT 'deduction ' || d.id, 'taken while an objection about this lot is open'
        FROM monthlycard_deduction d
        JOIN monthlycard_statement st ON st.id = d.statement_id
        JOIN monthlycard_cardobjection said ON said.card_id = d.card_id AND said.lot_id = st.lot_id
         AND said.state = 'open' AND said.deduction_id IS NULL
        WHERE d.taken AND d.deducted_at > said.opened_at
        UNION ALL
        SELECT 'deduction ' || d.id, 'its owner was asked while an objection was open'
        FROM monthlycard_deduction d
        JOIN monthlycard_cardobjection said ON said.deduction_id = d.id AND said.state = 'open'
        JOIN accounts_smsmessage text ON text.key LIKE 'card-%%due:' || d.id || ':%%'
        WHERE text.sent_at > said.opened_at
        """,
    ),
    # ── L2: proof ────────────────────────────────────────────────────────────────────────────
    Law(
        "L2",
        "departure",
        "A fee ends with the departure that was told.",
        f"""
        SELECT 'stay ' || s.id, 'billed ' || s.fee_fen || ' fen until ' || s.left_at
            || ', and the vehicle left at ' || p.departed
        FROM parking_parkingsession s
        JOIN parking_berth b ON b.id = s.berth_id
        JOIN parking_section street ON street.id = s.section_id
        JOIN witness.presence p ON p.berth = b.code AND p.told_in AND p.told_out
         AND p.arrived BETWEEN s.arrived_at - interval '{TOLERANCE_S} s'
                           AND s.arrived_at + interval '{TOLERANCE_S} s'
        WHERE s.state IN ('due', 'settled') AND s.arrived_at > %(since)s AND %(rest)s
          AND NOT b.code = ANY(%(unheard)s) AND {NEAREST}
          AND s.fee_fen > witness.fee(street.code, s.arrived_at,
              extract(epoch FROM p.departed - s.arrived_at) + {TOLERANCE_S})
          AND s.id NOT IN (SELECT stay_id FROM question)
          AND NOT EXISTS ({SOON})
        """,
    ),
    Law(
        "L2",
        "gap",
        "The time in which our sensor was silent is not billed.",
        f"""
        SELECT 'stay ' || s.id, 'billed ' || s.fee_fen || ' fen over a gap of the sensor of '
            || gap.seconds::integer || ' s'
        FROM parking_parkingsession s
        JOIN parking_berth b ON b.id = s.berth_id
        JOIN parking_section street ON street.id = s.section_id
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(extract(epoch FROM least(d.until, s.left_at)
                                              - greatest(d.since, s.arrived_at))), 0) AS seconds
            FROM witness.dark d WHERE d.berth = b.code
              AND d.until > s.arrived_at AND d.since < s.left_at
              AND d.until - d.since > interval '30 min'
              AND NOT EXISTS (SELECT 1 FROM parking_sighting seen WHERE seen.stay_id = s.id
                              AND seen.occurred_at > d.since AND seen.occurred_at < d.until)
        ) gap
        WHERE s.state IN ('due', 'settled') AND s.arrived_at > %(since)s AND %(rest)s
          AND gap.seconds > 0
          AND s.fee_fen > witness.fee(street.code, s.arrived_at,
              extract(epoch FROM s.left_at - s.arrived_at) - gap.seconds + {TOLERANCE_S})
          AND s.id NOT IN (SELECT stay_id FROM question)
        """,
    ),
    # ── L3: once ─────────────────────────────────────────────────────────────────────────────
    Law(
        "L3",
        "overlap",
        "Two stays of one berth never overlap.",
        """
        SELECT 'stays ' || one.id || ' and ' || other.id, 'they overlap at berth ' || one.berth_id
        FROM parking_parkingsession one
        JOIN parking_parkingsession other
          ON other.berth_id = one.berth_id AND other.id <> one.id
         AND other.arrived_at >= one.arrived_at
         AND (other.arrived_at, other.id) > (one.arrived_at, one.id)
         AND other.arrived_at < coalesce(one.left_at, 'infinity')
        WHERE one.state <> 'void' AND other.state <> 'void' AND one.arrived_at > %(since)s
        """,
    ),
    Law(
        "L3",
        "one",
        "One presence of one vehicle is one stay, whatever the sensor says in between.",
        f"""
        SELECT 'berth ' || p.berth, 'one presence since ' || p.arrived || ' is '
            || count(*) || ' stays'
        FROM witness.presence p
        JOIN parking_berth b ON b.code = p.berth
        JOIN parking_parkingsession s ON s.berth_id = b.id AND s.state <> 'void'
         AND s.arrived_at >= p.arrived - interval '{TOLERANCE_S} s'
         AND s.arrived_at < coalesce(p.departed, 'infinity')
         AND coalesce(s.left_at, 'infinity') >= p.arrived  -- else it was whoever stood there before
        WHERE p.told_in AND p.arrived > %(since)s AND %(rest)s AND NOT p.berth = ANY(%(unheard)s)
          AND {NEAREST}
          AND s.id NOT IN (SELECT stay_id FROM question)
          AND NOT EXISTS (SELECT 1 FROM witness.dark d WHERE d.berth = p.berth
                          AND d.until > p.arrived AND d.since < coalesce(p.departed, 'infinity'))
        GROUP BY p.id HAVING count(*) > 1
        """,
    ),
    Law(
        "L3",
        "two",
        "Two presences that were both seen are never one stay.",
        f"""
        SELECT 'stay ' || s.id, 'it is ' || first.plate || ' and ' || second.plate
        FROM parking_parkingsession s
        JOIN parking_berth b ON b.id = s.berth_id
        JOIN witness.presence first ON first.berth = b.code
         AND first.arrived = s.arrived_at AND first.told_out
        JOIN witness.presence second ON second.berth = b.code
         AND second.arrived >= first.departed AND second.told_in
         AND second.arrived < coalesce(s.left_at, 'infinity')
        WHERE s.state <> 'void' AND s.arrived_at > %(since)s AND %(rest)s
          AND NOT b.code = ANY(%(unheard)s)
          AND first.plate <> second.plate
          AND (second.arrived > first.departed + interval '{FLAP_S} s'
               OR {_told_apart("first", "second")})
          AND s.id NOT IN (SELECT stay_id FROM question)
        """,
    ),
    Law(
        "L3",
        "visit",
        "A visit to a lot is stated once, and it was one.",
        """
        SELECT 'visit ' || i.visit, 'it stands on ' || count(DISTINCT i.statement_id)
            || ' statements'
        FROM monthlycard_statementitem i
        GROUP BY i.visit, i.card_id HAVING count(DISTINCT i.statement_id) > 1
        UNION ALL
        SELECT 'visit ' || i.visit, i.plate_text || ' was not in ' || lot.code || ' from '
            || i.entry_at || ' to ' || i.exit_at
        FROM monthlycard_statementitem i
        JOIN monthlycard_statement st ON st.id = i.statement_id
        JOIN monthlycard_lotsystem lot ON lot.id = st.lot_id
        WHERE st.made_at > %(since)s AND NOT EXISTS (
            SELECT 1 FROM witness.visit v WHERE v.lot = lot.code AND v.plate = i.plate_text
              AND v.entered = i.entry_at AND v.exited = i.exit_at)
        """,
    ),
    # ── L4: money ────────────────────────────────────────────────────────────────────────────
    Law(
        "L4",
        "books",
        "Each transfer of the books sums to nothing.",
        """
        SELECT 'transfer ' || entry.transfer_id, 'its entries sum to ' || sum(entry.amount_fen)
        FROM payments_ledgerentry entry WHERE entry.posted_at > %(since)s
        GROUP BY entry.transfer_id HAVING sum(entry.amount_fen) <> 0
        """,
    ),
    Law(
        "L4",
        "taken",
        "What came in is what things took and what is the payer's.",
        """
        SELECT 'attempt ' || a.id, a.amount_fen || ' fen came, '
            || took.fen || ' were taken and ' || coalesce(c.amount_fen, 0) || ' are the payer''s'
        FROM payments_attempt a
        LEFT JOIN payments_credit c ON c.attempt_id = a.id
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(i.taken_fen), 0) AS fen FROM payments_orderitem i
            WHERE i.order_id = a.order_id AND i.moved_from_id IS NULL
              AND coalesce(c.why, '') <> 'second') took
        WHERE a.state = 'paid' AND a.paid_at > %(since)s
          AND a.amount_fen <> took.fen + coalesce(c.amount_fen, 0)
        """,
    ),
    Law(
        "L4",
        "kept",
        "A stay that is over keeps its fee and no more; one that never was keeps nothing.",
        """
        SELECT 'stay ' || s.id, s.state || ': paid ' || kept.fen || ' fen of ' || s.fee_fen
            || ', due ' || s.due_fen
        FROM parking_parkingsession s
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(p.amount_fen - p.refunded_fen - p.moved_fen), 0) AS fen
            FROM parking_staypayment p WHERE p.stay_id = s.id) kept
        WHERE s.arrived_at > %(since)s AND (
            (s.state = 'void' AND kept.fen > 0)
            OR (s.state IN ('due', 'settled') AND kept.fen > s.fee_fen
                AND (s.final_at IS NULL
                     OR (%(rest)s AND s.final_at < %(now)s - interval '10 min')))
            OR (s.state = 'due' AND s.due_fen <> s.fee_fen - kept.fen))
        """,
    ),
    Law(
        "L4",
        "returned",
        "What a stay gave back is on its way to who paid it.",
        """
        SELECT 'item ' || i.id, 'stays gave back ' || gave.fen || ' fen, refunds say ' || went.fen
        FROM payments_orderitem i
        CROSS JOIN LATERAL (SELECT coalesce(sum(p.refunded_fen + p.forgone_fen), 0) AS fen
            FROM parking_staypayment p WHERE p.order_item_id = i.id) gave
        CROSS JOIN LATERAL (SELECT coalesce(sum(r.amount_fen), 0) AS fen
            FROM payments_refund r WHERE r.order_item_id = i.id) went
        JOIN payments_order o ON o.id = i.order_id
        WHERE i.payable IN ('parking.stay', 'parking.prepayment') AND o.paid_at > %(since)s
          AND %(rest)s AND gave.fen <> went.fen
        """,
    ),
    Law(
        "L4",
        "known",
        "What the provider took we know within the day, and send back what is the payer's.",
        """
        SELECT 'trade ' || w.number, w.fen || ' fen were paid at ' || w.at
            || ' and are not known yet'
        FROM witness.paid w LEFT JOIN payments_attempt a ON a.out_trade_no = w.number
        WHERE coalesce(a.state, '') <> 'paid' AND w.at > %(since)s AND %(rest)s
          AND w.at < %(now)s - interval '24 h' AND %(up_since)s < %(now)s - interval '12 h'
        UNION ALL
        SELECT 'refund ' || r.id, r.state || ' since ' || r.asked_at
        FROM payments_refund r JOIN payments_attempt a ON a.id = r.attempt_id
        WHERE r.state <> 'done' AND a.provider = 'sandbox' AND r.asked_at > %(since)s AND %(rest)s
          AND r.asked_at < %(now)s - interval '24 h' AND %(up_since)s < %(now)s - interval '12 h'
        """,
    ),
    Law(
        "L4",
        "follows",
        "Who paid for a stay that turns out to be another vehicle's has their money, unless they"
        " stood there and nobody told us.",
        """
        SELECT 'stay ' || s.id, w.plate || ' paid ' || (p.amount_fen - p.refunded_fen - p.moved_fen)
            || ' fen for a stay of ' || s.plate_text
        FROM parking_staypayment p
        JOIN parking_parkingsession s ON s.id = p.stay_id
        JOIN payments_orderitem i ON i.id = p.order_item_id
        JOIN payments_attempt a ON a.order_id = i.order_id AND a.state = 'paid'
        JOIN witness.paid w ON w.number = a.out_trade_no AND w.for_own
        JOIN parking_berth b ON b.id = s.berth_id
        JOIN witness.presence there ON there.berth = b.code AND there.arrived = s.arrived_at
        WHERE p.amount_fen > p.refunded_fen + p.moved_fen AND s.plate_state = 'settled'
          AND s.plate_text <> w.plate AND s.plate_text = there.plate
          AND s.arrived_at > %(since)s AND %(rest)s AND NOT b.code = ANY(%(unheard)s)
          AND s.id NOT IN (SELECT stay_id FROM question)
          AND NOT EXISTS (SELECT 1 FROM witness.presence own WHERE own.berth = b.code
              AND own.plate = w.plate AND NOT own.told_in
              AND own.arrived <= w.at AND coalesce(own.departed >= w.at, true))
        """,
    ),
    Law(
        "L4",
        "quota",
        "What a card has left is what was bought less what was taken.",
        """
        SELECT 'card ' || c.number, c.state || ' has ' || c.quota_left || ' left, bought '
            || bought.quota || ', taken ' || taken.quota
        FROM monthlycard_card c
        CROSS JOIN LATERAL (SELECT coalesce(sum(t.quota), 0) AS quota FROM monthlycard_cardperiod p
            JOIN monthlycard_planversion t ON t.id = p.terms_id WHERE p.card_id = c.id) bought
        CROSS JOIN LATERAL (SELECT coalesce(sum(d.quota_used), 0) AS quota
            FROM monthlycard_deduction d WHERE d.card_id = c.id) taken
        WHERE c.state IN ('active', 'suspended', 'expired')
          AND c.quota_left <> bought.quota - taken.quota
        """,
    ),
    Law(
        "L4",
        "periods",
        "Each period of a card was paid, and each payment that a card took is a period.",
        """
        SELECT 'card ' || c.number, paid.n || ' payments, ' || had.n || ' periods'
        FROM monthlycard_card c
        CROSS JOIN LATERAL (SELECT count(*) AS n FROM payments_orderitem i
            WHERE i.payable = 'monthlycard.card' AND i.subject_id = c.id AND i.taken_fen > 0) paid
        CROSS JOIN LATERAL (SELECT count(*) AS n FROM monthlycard_cardperiod p
            WHERE p.card_id = c.id) had
        WHERE paid.n <> had.n
        """,
    ),
    Law(
        "L4",
        "statement",
        "A statement is the sum of its lines, and a deduction of those that stand.",
        """
        SELECT 'statement ' || st.number, 'total ' || st.total_fen || ', its lines ' || lines.fen
        FROM monthlycard_statement st
        CROSS JOIN LATERAL (SELECT
            coalesce((SELECT sum(fee_fen) FROM monthlycard_statementitem i
                      WHERE i.statement_id = st.id), 0)
            + coalesce((SELECT sum(fee_fen) FROM monthlycard_statementcorrection c
                        WHERE c.statement_id = st.id), 0) AS fen) lines
        WHERE st.total_fen <> lines.fen
        UNION ALL
        SELECT 'deduction ' || d.id, d.state || ': fee ' || d.fee_fen || ', covered '
            || d.covered_fen || ', due ' || d.due_fen || ', its lines ' || lines.fen
        FROM monthlycard_deduction d
        CROSS JOIN LATERAL (SELECT coalesce(sum(i.fee_fen), 0) AS fen
            FROM monthlycard_statementitem i
            WHERE i.statement_id = d.statement_id AND i.card_id = d.card_id
              AND coalesce((SELECT NOT c.out FROM monthlycard_statementcorrection c
                            WHERE c.statement_id = i.statement_id AND c.visit = i.visit
                            ORDER BY c.id DESC LIMIT 1), true)) lines
        WHERE d.fee_fen <> lines.fen OR (d.taken AND d.fee_fen <> d.covered_fen + d.due_fen)
        """,
    ),
    Law(
        "L4",
        "rest",
        "No more goes back for a card, or for what it did not cover, than was paid.",
        """
        SELECT 'item ' || i.id, i.taken_fen || ' fen were taken, ' || went.fen || ' go back'
        FROM payments_orderitem i
        CROSS JOIN LATERAL (SELECT coalesce(sum(r.amount_fen), 0) AS fen FROM payments_refund r
            WHERE r.order_item_id = i.id) went
        WHERE i.payable LIKE 'monthlycard.%%' AND went.fen > greatest(i.taken_fen, i.amount_fen)
        """,
    ),
    # ── L5: paid is over ─────────────────────────────────────────────────────────────────────
    Law(
        "L5",
        "over",
        "What was paid in time is over, however late we hear of it.",
        f"""
        SELECT 'stay ' || s.id, 'paid up to ' || paid.at || ', left at ' || s.left_at
            || ', and still due: ' || s.due_fen
        FROM parking_parkingsession s
        JOIN parking_section street ON street.id = s.section_id
        CROSS JOIN LATERAL (
            SELECT max(a.paid_at) AS at, sum(p.amount_fen - p.refunded_fen - p.moved_fen) AS fen
            FROM parking_staypayment p
            JOIN payments_orderitem i ON i.id = p.order_item_id
            JOIN payments_attempt a ON a.order_id = i.order_id AND a.state = 'paid'
            WHERE p.stay_id = s.id) paid
        WHERE s.state = 'due' AND s.due_fen > 0 AND s.arrived_at > %(since)s AND %(rest)s
          AND s.left_at <= paid.at + interval '{LEAVE_BY_S} s'
          AND paid.fen >= witness.fee(street.code, s.arrived_at,
                                      extract(epoch FROM paid.at - s.arrived_at))
        """,
    ),
    Law(
        "L5",
        "asked again",
        "Nobody is asked for what is settled.",
        """
        SELECT 'debt ' || d.id, 'it is ' || d.state || ', its stay is ' || s.state
        FROM arrears_debt d JOIN parking_parkingsession s ON s.id = d.stay_id
        WHERE d.state IN ('open', 'disputed') AND s.state <> 'due' AND %(rest)s
        UNION ALL
        SELECT 'demand ' || part.demand_id, 'texted after all of it was over'
        FROM arrears_demand_debts part
        JOIN arrears_debt d ON d.id = part.debt_id
        JOIN accounts_smsmessage text ON text.key = 'demand:' || part.demand_id
        WHERE text.sent_at > %(since)s
        GROUP BY part.demand_id
        HAVING bool_and(d.state NOT IN ('open', 'disputed') AND d.ended_at < text.sent_at)
        """,
    ),
    # ── L6: lock ─────────────────────────────────────────────────────────────────────────────
    Law(
        "L6",
        "up",
        "A lock is up only on own ground, before the very vehicle, listed, without question.",
        """
        SELECT 'order ' || o.id, o.state || ': ' || concat_ws(', ',
            CASE WHEN street.ground <> 'own' OR street.merchant_id <> o.merchant_id
                 THEN 'not on own ground' END,
            CASE WHEN there.id IS NULL THEN 'the berth is empty'
                 WHEN there.plate_text <> o.plate_text THEN 'another vehicle stands there' END,
            CASE WHEN listed.id IS NULL THEN 'the vehicle is not listed' END,
            CASE WHEN asked.n > 0 THEN 'there is a question' END,
            CASE WHEN bound.fen < coalesce(terms.floor_fen, 5000)
                 THEN 'only ' || bound.fen || ' fen are open' END)
        FROM recovery_recoveryorder o
        JOIN parking_section street ON street.id = o.section_id
        LEFT JOIN parking_parkingsession there
          ON there.berth_id = o.berth_id AND there.state = 'parked'
        LEFT JOIN recovery_lockterms terms ON terms.merchant_id = o.merchant_id
        LEFT JOIN arrears_blacklistentry listed ON listed.state = 'active'
         AND listed.plate_text = o.plate_text
        CROSS JOIN LATERAL (SELECT count(*) AS n FROM question q
            WHERE q.stay_id = there.id OR q.stay_id IN (
                SELECT stay_id FROM recovery_bounddebt WHERE order_id = o.id)) asked
        CROSS JOIN LATERAL (SELECT coalesce(sum(d.amount_fen), 0) AS fen
            FROM recovery_bounddebt part
            JOIN arrears_debt d ON d.id = part.debt_id AND d.state = 'open'
            WHERE part.order_id = o.id) bound
        WHERE o.state IN ('raising', 'raised') AND %(rest)s
          AND (street.ground <> 'own' OR street.merchant_id <> o.merchant_id OR there.id IS NULL
               OR there.plate_text <> o.plate_text OR listed.id IS NULL OR asked.n > 0
               OR bound.fen < coalesce(terms.floor_fen, 5000))
        """,
    ),
    Law(
        "L6",
        "grace",
        "No lock goes up before the time that each demand gave is over.",
        f"""
        SELECT 'order ' || o.id, 'raised ' || o.raising_at || ', debt ' || d.id
            || ' was demanded ' || coalesce(d.demanded_at::text, 'never')
        FROM recovery_recoveryorder o
        JOIN recovery_bounddebt part ON part.order_id = o.id
        JOIN arrears_debt d ON d.id = part.debt_id
        WHERE o.state IN ('raising', 'raised') AND o.raising_at > %(since)s
          AND coalesce(d.demanded_at, 'infinity') + interval '{GRACE_S} s' > o.raising_at
        """,
    ),
    Law(
        "L6",
        "look",
        "A person has looked within ten minutes, by a photograph of that alone.",
        """
        SELECT 'order ' || o.id, 'raised ' || o.raising_at || ' without a fresh second look'
        FROM recovery_recoveryorder o
        WHERE o.raising_at > %(since)s AND NOT EXISTS (
            SELECT 1 FROM recovery_evidencephoto look
            WHERE look.order_id = o.id AND look.purpose = 'second_look'
              AND look.berth_id = o.berth_id
              AND look.taken_at BETWEEN o.raising_at - interval '10 min' AND o.raising_at)
        """,
    ),
    Law(
        "L6",
        "payment",
        "No lock rises while a payment is under way, or is up while nobody knows how one ended.",
        """
        SELECT 'order ' || o.id, 'raised while attempt ' || a.id || ' was ' || a.state
        FROM recovery_recoveryorder o
        JOIN recovery_bounddebt part ON part.order_id = o.id
        JOIN payments_orderitem i ON (i.payable, i.subject_id) IN (
            ('parking.stay', part.stay_id), ('recovery.order', o.id))
        JOIN payments_attempt a ON a.order_id = i.order_id
         AND a.state IN ('created', 'pending', 'unknown') AND a.created_at < o.raising_at
        WHERE o.state IN ('raising', 'raised') AND o.raising_at > %(since)s
        UNION ALL
        SELECT 'order ' || o.id, 'up, and how attempt ' || a.id || ' ended is unknown since '
            || known.until
        FROM recovery_recoveryorder o
        JOIN recovery_bounddebt part ON part.order_id = o.id
        JOIN payments_orderitem i ON (i.payable, i.subject_id) IN (
            ('parking.stay', part.stay_id), ('recovery.order', o.id))
        JOIN payments_attempt a ON a.order_id = i.order_id AND a.state = 'unknown'
        CROSS JOIN LATERAL (
            SELECT coalesce(max(told.at), a.created_at) AS until FROM core_auditentry told
            WHERE told.subject = 'payments.attempt' AND told.subject_id = a.id
              AND told.to_state = 'unknown') known
        WHERE o.state IN ('raising', 'raised') AND %(served)s AND known.until < %(looked_at)s
        """,
    ),
    Law(
        "L6",
        "down",
        "A lock that can hear us is down within minutes of the end of its order.",
        """
        SELECT 'lock ' || lock.code, 'up since ' || lock.up_since || ', its order ended at '
            || coalesce(o.ended_at::text, 'never')
        FROM witness.lock lock
        JOIN devices_device d ON d.code = lock.code
        LEFT JOIN LATERAL (SELECT * FROM recovery_recoveryorder o WHERE o.device_id = d.id
                           ORDER BY o.id DESC LIMIT 1) o ON true
        WHERE lock.up_since IS NOT NULL AND %(rest)s AND NOT lock.code = ANY(%(unheard)s)
          AND coalesce(o.state, '') NOT IN ('raising', 'raised')
        """,
    ),
    # ── L7: our failure ──────────────────────────────────────────────────────────────────────
    Law(
        "L7",
        "window",
        "The time in which nobody could pay does not count.",
        f"""
        SELECT 'stay ' || s.id, 'its debt arose ' || d.opened_at || ', its window began '
            || begun.at || ' and nobody could pay for ' || lost.seconds::integer || ' s of it'
        FROM arrears_debt d JOIN parking_parkingsession s ON s.id = d.stay_id
        CROSS JOIN LATERAL (SELECT greatest(s.left_at, s.plate_at) AS at) begun
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(extract(epoch FROM least(away.until, d.opened_at)
                                              - greatest(away.since, begun.at))), 0) AS seconds
            FROM witness.outage away WHERE away.part IN ('web', 'provider')
              AND away.until > begun.at AND away.since < d.opened_at
              AND away.until - away.since >= interval '30 min') lost
        WHERE d.opened_at > %(since)s AND lost.seconds > 0
          AND d.opened_at < begun.at + interval '{WINDOW_S} s'
              + lost.seconds * interval '1 s' - interval '15 min'
        """,
    ),
    Law(
        "L7",
        "grace",
        "Neither does it in the grace before a listing.",
        f"""
        SELECT 'listed ' || e.plate_text, 'active at ' || e.active_at || ', demanded at '
            || told.at || ', and nobody could pay for ' || lost.seconds::integer || ' s of it'
        FROM arrears_blacklistentry e
        CROSS JOIN LATERAL (SELECT min(d.demanded_at) AS at FROM arrears_debt d
            WHERE (d.plate_text, d.plate_colour) = (e.plate_text, e.plate_colour)
              AND d.state IN ('open', 'disputed')) told
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(extract(epoch FROM least(away.until, e.active_at)
                                              - greatest(away.since, told.at))), 0) AS seconds
            FROM witness.outage away WHERE away.part IN ('web', 'provider')
              AND away.until > told.at AND away.since < e.active_at
              AND away.until - away.since >= interval '30 min') lost
        WHERE e.state = 'active' AND e.active_at > %(since)s AND lost.seconds > 0
          AND e.active_at < told.at + interval '{GRACE_S} s'
              + lost.seconds * interval '1 s' - interval '15 min'
        """,
    ),
    # ── L9: then is then ─────────────────────────────────────────────────────────────────────
    Law(
        "L9",
        "price",
        "A stay is priced by the tariff that held when it began.",
        """
        SELECT 'stay ' || s.id, 'priced by version ' || had.number || ', then version '
            || held.number || ' held'
        FROM parking_parkingsession s
        JOIN parking_section street ON street.id = s.section_id
        JOIN parking_tariffversion had ON had.id = s.tariff_version_id
        CROSS JOIN LATERAL (SELECT v.* FROM parking_tariffversion v
            WHERE v.tariff_id = street.tariff_id AND v.valid_from <= s.arrived_at
            ORDER BY v.valid_from DESC LIMIT 1) held
        WHERE held.id <> had.id AND s.arrived_at > %(since)s
        """,
    ),
    Law(
        "L9",
        "holder",
        "A demand goes to who held the vehicle when it was sent.",
        """
        SELECT 'demand ' || m.id, 'texted to user ' || m.user_id || ', who did not hold '
            || m.plate_text || ' then'
        FROM arrears_demand m
        JOIN accounts_smsmessage text ON text.key = 'demand:' || m.id
        WHERE text.sent_at > %(since)s AND NOT EXISTS (
            SELECT 1 FROM accounts_plateholding h
            WHERE h.user_id = m.user_id AND h.plate_text = m.plate_text
              AND h.proven_at <= text.sent_at AND coalesce(h.ended_at, 'infinity') >= text.sent_at)
        """,
    ),
    Law(
        "L9",
        "bought",
        "A card's period is what was offered when it was applied or asked for.",
        """
        SELECT 'card ' || c.number, 'a period at ' || t.price_fen || ' fen, ' || t.days
            || ' days, quota ' || t.quota || ' was not offered then'
        FROM monthlycard_cardperiod p
        JOIN monthlycard_card c ON c.id = p.card_id
        JOIN monthlycard_planversion t ON t.id = p.terms_id
        WHERE NOT EXISTS (
            SELECT 1 FROM (
                SELECT c.applied_at AS at
                UNION ALL SELECT o.created_at FROM payments_orderitem i
                JOIN payments_order o ON o.id = i.order_id
                WHERE i.payable = 'monthlycard.card' AND i.subject_id = c.id AND i.taken_fen > 0
            ) moment
            JOIN LATERAL (SELECT * FROM witness.plan w WHERE w.valid_from <= moment.at
                          ORDER BY w.valid_from DESC LIMIT 1) offered
              ON (offered.price_fen, offered.days, offered.quota) = (t.price_fen, t.days, t.quota))
        UNION ALL
        SELECT 'card ' || c.number, 'valid until ' || c.valid_until || ', paid until '
            || (SELECT max(p.ends_at) FROM monthlycard_cardperiod p WHERE p.card_id = c.id)
        FROM monthlycard_card c
        WHERE c.state IN ('active', 'suspended', 'expired') AND c.valid_until IS DISTINCT FROM
            (SELECT max(p.ends_at) FROM monthlycard_cardperiod p WHERE p.card_id = c.id)
        UNION ALL
        SELECT 'card ' || c.number, 'it is ' || c.state || ' and ended ' || c.expires_at
        FROM monthlycard_card c
        WHERE c.state IN ('active', 'suspended') AND c.expires_at < %(looked_at)s AND %(rest)s
        """,
    ),
    Law(
        "L9",
        "owner",
        "A card is for a vehicle that its owner has shown to be theirs, and has not given up.",
        """
        SELECT 'card ' || c.number, 'it is ' || c.state || ', and user ' || c.user_id
            || ' does not hold ' || c.plate_text
        FROM monthlycard_card c
        WHERE c.state IN ('verified', 'active', 'suspended') AND %(rest)s AND NOT EXISTS (
            SELECT 1 FROM accounts_plateholding h WHERE h.user_id = c.user_id
              AND h.plate_text = c.plate_text AND h.state = 'proven')
        """,
    ),
    # ── L10: need to know ────────────────────────────────────────────────────────────────────
    Law(
        "L10",
        "notice",
        "A terminal is told of its own merchant's debts alone.",
        """
        SELECT 'notice ' || n.id, 'merchant ' || n.merchant_id || ' is told what '
            || d.merchant_id || ' is owed'
        FROM arrears_recoverynotice n JOIN arrears_debt d ON n.debt_ids @> to_jsonb(d.id)
        WHERE n.made_at > %(since)s AND d.merchant_id <> n.merchant_id
        UNION ALL
        SELECT 'notice ' || n.id, 'it went to a device of merchant ' || dev.merchant_id
        FROM arrears_recoverynotice n JOIN devices_device dev ON dev.id = n.device_id
        WHERE n.made_at > %(since)s AND dev.merchant_id <> n.merchant_id
        """,
    ),
    Law(
        "L10",
        "lot",
        "A lot is told of a card that opens it, and of no debt that is owed to others.",
        """
        SELECT 'record ' || r.id, 'told to ' || r.told::text || ', it opens ' || r.lots::text
        FROM monthlycard_cardvehicle r
        LEFT JOIN LATERAL (SELECT f.lots FROM monthlycard_cardvehicle f
            WHERE f.card_id = r.card_id AND f.version < r.version
            ORDER BY f.version DESC LIMIT 1) former ON true
        WHERE r.made_at > %(since)s AND EXISTS (
            SELECT 1 FROM jsonb_array_elements_text(r.told) lot (code)
            WHERE NOT r.lots ? lot.code AND NOT coalesce(former.lots, '[]') ? lot.code)
        UNION ALL
        SELECT 'statement ' || st.number, 'card ' || c.number || ' does not open this lot'
        FROM monthlycard_statement st
        JOIN monthlycard_lotsystem lot ON lot.id = st.lot_id
        JOIN monthlycard_statementitem i ON i.statement_id = st.id
        JOIN monthlycard_card c ON c.id = i.card_id
        WHERE st.made_at > %(since)s AND NOT EXISTS (
            SELECT 1 FROM monthlycard_cardvehicle r WHERE r.card_id = c.id AND r.lots ? lot.code)
        """,
    ),
    # ── L11: a person ────────────────────────────────────────────────────────────────────────
    Law(
        "L11",
        "seen",
        "Nobody is asked for a debt before a person has seen it or its owner has confirmed it.",
        """
        SELECT 'debt ' || d.id, 'demanded ' || d.demanded_at || ', and nobody has looked'
        FROM arrears_debt d JOIN parking_parkingsession s ON s.id = d.stay_id
        WHERE d.state IN ('open', 'disputed') AND d.demanded_at > %(since)s
          AND NOT EXISTS (SELECT 1 FROM arrears_look look WHERE look.debt_id = d.id
                          AND look.looked_by LIKE 'user:%%' AND look.looked_at <= d.demanded_at)
          AND NOT EXISTS (SELECT 1 FROM parking_prepayment p
                          WHERE p.stay_id = s.id AND p.plate_text = s.plate_text)
          AND NOT EXISTS (SELECT 1 FROM parking_staypayment p WHERE p.stay_id = s.id)
          AND NOT EXISTS (SELECT 1 FROM accounts_plateholding h
                          WHERE h.plate_text = s.plate_text AND h.proven_at >= d.opened_at)
        """,
    ),
    Law(
        "L11",
        "licence",
        "No card is granted before a person has seen the licence, or the vehicle was shown before.",
        """
        SELECT 'card ' || c.number, 'granted, and ' || c.plate_text || ' was never shown to be of'
            || ' user ' || c.user_id
        FROM monthlycard_card c
        WHERE c.valid_from IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM accounts_plateholding h WHERE h.user_id = c.user_id
              AND h.plate_text = c.plate_text AND h.proven_at <= c.valid_from)
        """,
    ),
)
CODES = tuple(dict.fromkeys(law.code for law in LAWS))


def _whole() -> str:
    parts = " UNION ALL ".join(
        f"SELECT '{law.code}'::text, '{law.name}'::text, what::text, why::text"
        f" FROM ({law.asks}) AS law_{number} (what, why)"
        for number, law in enumerate(LAWS)
    )
    return f"WITH question AS MATERIALIZED ({QUESTION}) {parts}"


_ALL = _whole()
RECENT = timedelta(days=2)
EVER = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


def breaches(
    *,
    now: datetime,
    rest: bool,
    served: bool,
    up_since: datetime,
    looked_at: datetime,
    unheard: list[str],
    ever: bool = False,
) -> list[Breach]:
    """What breaks a law now: of what is recent, or of all there ever was. `looked_at`: when the
    sweeps were last called, which the house does each second and the simulation does when time
    passes."""
    values: dict[str, Any] = {
        "now": now,
        "since": EVER if ever else now - RECENT,
        "rest": rest,
        "served": served,
        "up_since": up_since,
        "looked_at": looked_at,
        "unheard": unheard,
    }
    connection.ensure_connection()
    with psycopg.Cursor(connection.connection) as cursor:
        rows = cursor.execute(_ALL, values, prepare=True).fetchall()  # type: ignore[call-overload]
    return sorted(Breach(*row) for row in rows)


def berth_of(breach: Breach) -> str:
    """The code of the berth that a breach is about; "" where it is about none."""
    what, _blank, which = breach.what.partition(" ")
    if what != "stay":
        return which if what == "berth" else ""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.code FROM parking_berth b JOIN parking_parkingsession s ON s.berth_id = b.id"
            " WHERE s.id = %s",
            [which],
        )
        found: tuple[str] | None = cursor.fetchone()
    return found[0] if found else ""
