"""A list of steps played once before a person's eyes: what each step changed, in words.

A play is a file of `config/city/plays/`, or any list of steps as a violation prints it. Its `ends`
are facts that must be true at its end, its `never` kinds of fact that must not have come to be; so
a play can fail.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection

from config.city.run import City, Judge, Run
from config.city.steps import STEPS, Step

FOLDER = Path(__file__).with_name("plays")

FACTS = """
    SELECT 'stay ' || s.id AS what, format(
        '%s at %s, %s: fee %s, paid %s, due %s%s', coalesce(nullif(s.plate_text, ''), 'unread'),
        b.code, s.state, {fee}, {prepaid}, {due}, CASE WHEN s.doubtful THEN ', in doubt' ELSE '' END
    ) AS fact FROM parking_parkingsession s JOIN parking_berth b ON b.id = s.berth_id
  UNION ALL
    SELECT 'gap ' || g.id, format('of stay %s: %s minutes that nothing proves, not billed',
        g.stay_id, round(extract(epoch FROM g.ended_at - g.began_at) / 60))
    FROM parking_staygap g WHERE g.ended_at IS NOT NULL
  UNION ALL
    SELECT 'question ' || id, format('%s, %s%s', why, state,
        CASE WHEN stay_id IS NULL THEN '' ELSE ', about stay ' || stay_id END)
    FROM parking_reviewitem
  UNION ALL
    SELECT 'plate twice ' || id, format('%s: %s', plate_text, state) FROM parking_clonecase
  UNION ALL
    SELECT 'time to pay ' || stay_id, format('of stay %s, %s', stay_id, state)
    FROM arrears_paywindow
  UNION ALL
    SELECT 'debt ' || d.id, format('of stay %s, %s: %s', d.stay_id, d.state, {debt})
    FROM arrears_debt d
  UNION ALL
    SELECT 'look ' || id, format('at debt %s, %s', debt_id, state) FROM arrears_look
  UNION ALL
    SELECT 'demand ' || id, format('by %s, %s', channel, state) FROM arrears_demand
  UNION ALL
    SELECT 'objection ' || id, format('%s, %s', reason, state) FROM arrears_dispute
  UNION ALL
    SELECT 'listed ' || id, format('%s, %s: %s', plate_text, state, {listed})
    FROM arrears_blacklistentry
  UNION ALL
    SELECT 'told ' || id, format('a terminal, %s: %s', state, {told}) FROM arrears_recoverynotice
  UNION ALL
    SELECT 'payment ' || id, format('%s of %s', state, {asked}) FROM payments_attempt
  UNION ALL
    SELECT 'back ' || id, format('%s, %s', {back}, state) FROM payments_refund
  UNION ALL
    SELECT 'lock ' || id, format('%s%s', state, CASE ended_by WHEN '' THEN '' ELSE
        ', ended by ' || ended_by END) FROM recovery_recoveryorder
  UNION ALL
    SELECT 'text ' || id, format('%s to %s, %s', template, phone_masked, state)
    FROM accounts_smsmessage
  UNION ALL
    SELECT 'outage ' || id, format('%s away%s', what,
        CASE WHEN ended_at IS NULL THEN '' ELSE ', over' END) FROM core_outage
""".format(
    **{
        name: f"to_char({column} / 100.0, '\"¥\"FM999990.00')"
        for name, column in {
            "fee": "s.fee_fen",
            "prepaid": "s.prepaid_fen",
            "due": "s.due_fen",
            "debt": "d.amount_fen",
            "listed": "amount_fen",
            "told": "amount_fen",
            "asked": "amount_fen",
            "back": "amount_fen",
        }.items()
    }
)


@dataclass(frozen=True, slots=True)
class Play:
    """`says`: what it shows; `ends`: facts at its end; `never`: kinds of fact there must not be."""

    name: str
    says: str
    steps: list[Step]
    ends: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


def plays() -> list[str]:
    """The names of the plays that come along."""
    return sorted(file.stem for file in FOLDER.glob("*.json"))


def read(name: str, text: str) -> Play:
    """A play, or a bare list of steps. Raises ValueError in a sentence."""
    try:
        said = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{name} is not JSON: {error}.") from error
    if isinstance(said, list):
        said = {"says": "", "steps": said}
    steps: list[Step] = []
    for one in said.get("steps", []):
        if not (isinstance(one, list) and len(one) == 2 and isinstance(one[1], dict)):
            raise ValueError(f'{name}: a step is ["name", {{"its": "values"}}], not {one!r}.')
        if one[0] not in STEPS:
            raise ValueError(f"{name}: nobody knows the step “{one[0]}”.")
        steps.append((one[0], one[1]))
    return Play(
        name,
        said.get("says", ""),
        steps,
        ends=tuple(said.get("ends", ())),
        never=tuple(said.get("never", ())),
    )


def perform(
    city: City, play: Play, tell: Callable[[str], None], lacking: Sequence[str] = ()
) -> list[str]:
    """Play it and tell of each step: when, what, what it changed. What was not as promised."""
    run = Run(0)
    if play.says:
        tell(f"{play.says}\n")
    with city.world(lacking) as world:
        judge, known = Judge(world, run), dict(_facts())
        for one in play.steps:
            refused = dict(world.refused)
            judge.after(one)
            tell(f"{world.now.astimezone():%d %b %H:%M}  {_sentence(one)}")
            for code in world.refused:
                if world.refused[code] != refused.get(code):
                    tell(f"              refused: {code}")
            now = dict(_facts())
            for what, fact in now.items():
                if known.get(what) != fact:
                    tell(f"              {what}: {fact}")
            for what in known.keys() - now.keys():
                tell(f"              {what}: is no more")
            known = now
        judge.ask(ever=True)
    broken = [f"{one.law} {one.name}: {one.why}" for one in run.violations]
    facts = [f"{what}: {fact}" for what, fact in known.items()]
    missing = [f"not so at the end: {end}" for end in play.ends if end not in facts]
    wrong = [
        f"must not be: {fact}"
        for fact in facts
        if fact.partition(": ")[0].rpartition(" ")[0] in play.never
    ]
    return broken + missing + wrong


def _sentence(one: Step) -> str:
    name, values = one
    said = ", ".join(f"{key} {value}" for key, value in values.items())
    return f"{name.replace('_', ' ')}{f' ({said})' if said else ''}"


def _facts() -> Iterator[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(FACTS)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    yield from ((str(what), str(fact)) for what, fact in rows)
