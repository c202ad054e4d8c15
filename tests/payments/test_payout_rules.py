"""What a payout comes to: each fen once, and the sums are the lines'."""

from hypothesis import given
from hypothesis import strategies as st

from payments.rules.payouts import Agreed, Earned, Sums, is_enough, nearest, percent, sums

EARNINGS = st.builds(
    Earned,
    fen=st.integers(-(10**9), 10**9),
    share_bp=st.integers(0, 10_000),
    fee_mils=st.integers(-(10**9), 10**9),
)
AGREEMENTS = st.builds(
    Agreed,
    hold_bp=st.integers(0, 10_000),
    hold_fen=st.integers(0, 10**7),
    hold_days=st.integers(0, 90),
    least_fen=st.integers(0, 10**6),
)


def of(*fen: int, bp: int = 0, cash_fen: int = 0, released_fen: int = 0, **agreed: int) -> Sums:
    parts = [Earned(fen=one, share_bp=bp) for one in fen]
    said = Agreed(**agreed)
    return sums(parts, cash_fen=cash_fen, released_fen=released_fen, agreed=said)


def test_share_fees_and_holdback_are_kept_of_what_was_earned() -> None:
    parts = [
        Earned(fen=100_000, share_bp=500, fee_mils=600_000),
        Earned(fen=20_000, share_bp=250, fee_mils=120_400),
    ]
    agreed = Agreed(hold_bp=1000, hold_fen=300, hold_days=7)
    assert sums(parts, cash_fen=0, released_fen=900, agreed=agreed) == Sums(
        earned_fen=120_000,
        cash_fen=0,
        share_fen=5_500,
        fees_fen=720,
        held_fen=12_300,
        released_fen=900,
    )
    assert 120_000 - 5_500 - 720 - 12_300 + 900 == 102_380
    assert sums(parts, cash_fen=0, released_fen=900, agreed=agreed).net_fen == 102_380


def test_cash_that_the_merchant_has_is_not_sent_again() -> None:
    assert of(600, 400, cash_fen=400).net_fen == 600


def test_a_merchant_of_cash_alone_owes_the_share_and_nothing_is_held_of_it() -> None:
    found = of(1000, bp=500, cash_fen=1000, hold_fen=100, hold_days=7)
    assert (found.net_fen, found.held_fen) == (-50, 0)
    assert not is_enough(found, Agreed())


def test_what_goes_back_takes_its_share_back_exactly() -> None:
    assert nearest(25, 10) == 3 and nearest(-25, 10) == -3
    assert of(12_345, bp=333).share_fen == -of(-12_345, bp=333).share_fen


def test_less_than_the_least_waits_and_nothing_is_never_sent() -> None:
    assert not is_enough(of(99), Agreed(least_fen=100))
    assert is_enough(of(100), Agreed(least_fen=100))
    assert not is_enough(of(0), Agreed(least_fen=0))


def test_basis_points_read_as_per_cent() -> None:
    assert [percent(bp) for bp in (0, 5, 250, 1000, 10_000)] == [
        "0%",
        "0.05%",
        "2.5%",
        "10%",
        "100%",
    ]


@given(
    st.lists(EARNINGS, max_size=5),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    AGREEMENTS,
)
def test_every_fen_of_the_lines_is_sent_or_kept_by_name(
    parts: list[Earned], cash_fen: int, released_fen: int, agreed: Agreed
) -> None:
    found = sums(parts, cash_fen=cash_fen, released_fen=released_fen, agreed=agreed)
    kept = found.share_fen + found.fees_fen + found.held_fen - found.released_fen
    assert found.net_fen + kept + cash_fen == sum(one.fen for one in parts)
    assert found.held_fen >= 0
    if found.held_fen:
        assert found.net_fen >= found.released_fen
