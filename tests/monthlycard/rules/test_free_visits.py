"""A visit that costs nothing is a line of its own, of nothing."""

from monthlycard.rules import Terms, Visit, statement_lines
from tests.monthlycard.rules.test_fees import HOURLY, at
from tests.monthlycard.rules.test_statement import passed


def test_a_free_visit_is_one_line_of_quantity_and_price_zero() -> None:
    free = Terms(basis="duration", windows=HOURLY.windows, free_s=900)
    visit = Visit(entry=passed("e1", "entry", "2 09:00"), exit=passed("x1", "exit", "2 09:01"))
    [line] = statement_lines(free, [visit])
    assert (line.quantity, line.unit_price_fen, line.fee_fen) == (0, 0, 0)
    assert line.entry_at == at("2 09:00")
