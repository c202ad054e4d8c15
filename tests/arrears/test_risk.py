"""Portrait, risk, watch (P0.2 … P0.4), with the model that the repository ships."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command

from arrears import selectors, services, tasks
from arrears.errors import ModelNotBetter
from arrears.models import Assessment, Portrait, RiskModel, ShadowScore, Watch
from arrears.risk import features, registry
from arrears.services import portraits
from core.plates import Plate
from parking import services as parking
from parking.models import Berth, ParkingSession
from tests.people import prove
from tests.street import OTHER_PLATE, PLATE, TEST

LATE = [None, 300.0, 200.0, None, 400.0, 150.0]
PROMPT = [0.2, 0.5, 0.1, 0.3, 0.4, 0.2]


def draw(plate: Plate, as_of: Any) -> dict[str, Any]:
    drawn = portraits.draw(plate_text=plate.text, plate_colour=str(plate.colour), as_of=as_of)
    return drawn.features


@pytest.fixture
def arrived(berth: Berth, stay_of: Any, run_reactions: Any) -> Any:
    """A vehicle stands on A-001, its plate settled, everything after it done."""

    def go(plate: Plate = PLATE) -> ParkingSession:
        stay: ParkingSession = stay_of(berth, plate)
        services.assess(stay_id=stay.pk)
        run_reactions()
        return stay

    return go


def test_a_plate_with_late_payments_is_at_risk_with_reasons(
    past: Any, section: Any, arrived: Any, scored: Any
) -> None:
    past(PLATE, Berth.objects.get(code="A-003"), LATE)
    row = scored(arrived())
    assert row.at_risk, row.probability  # P0.3
    assert row.probability > row.threshold
    assert row.portrait.has_history
    assert row.portrait.simulated  # and pages say so
    named = {reason["feature"] for reason in row.reasons}
    assert named & {"late_share", "overdue", "mean_delay_h", "last_delay_h"}
    assert all(features.sentence(one["feature"], one["value"]) for one in row.reasons)


@pytest.mark.parametrize("delays", [PROMPT, []])
def test_a_plate_with_prompt_payments_or_without_history_is_not(
    past: Any, section: Any, arrived: Any, scored: Any, delays: list[float | None]
) -> None:
    past(PLATE, Berth.objects.get(code="A-003"), delays)
    row = scored(arrived())
    assert row.at_risk is False  # P0.3
    assert row.portrait.has_history is bool(delays)  # P0.2: says so


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("delay_h", [90.0, 150.0, 400.0, None])
def test_a_stay_paid_ahead_does_not_hide_late_payments(
    past: Any,
    section: Any,
    arrived: Any,
    scored: Any,
    count: int,
    delay_h: float | None,
) -> None:
    past(PLATE, Berth.objects.get(code="A-003"), [delay_h] * count)
    past(PLATE, Berth.objects.get(code="A-002"), [0.0])  # later, and paid before it left
    row = scored(arrived())
    assert row.at_risk, (row.probability, row.portrait.features)


def test_the_portrait_does_not_look_into_the_future(
    past: Any, section: Any, clock: Any, pass_time: Any, pay: Any, stay_of: Any
) -> None:
    then = clock.now() - timedelta(days=30)
    past(PLATE, Berth.objects.get(code="A-003"), [1.0, None, 24.0 * 10])
    before = draw(PLATE, then)
    stay = stay_of(Berth.objects.get(code="A-002"), minutes=90)
    pass_time(hours=80)
    pay(stay)
    assert draw(PLATE, then) == before  # P0.2
    assert draw(PLATE, clock.now())["stays"] == before["stays"] + 2


def test_a_payment_after_the_moment_counts_as_unpaid_then(
    past: Any, section: Any, clock: Any
) -> None:
    past(PLATE, Berth.objects.get(code="A-003"), [24.0 * 10])  # left 20 days ago, paid 10 ago
    earlier = draw(PLATE, clock.now() - timedelta(days=12))
    later = draw(PLATE, clock.now())
    assert (earlier["overdue"], later["overdue"]) == (1, 0)
    assert later["late_share"] == 1.0


def test_the_proven_holder_is_portrayed_with_all_their_plates(
    past: Any, section: Any, owner: Any, clock: Any
) -> None:
    past(PLATE, Berth.objects.get(code="A-003"), [1.0, 1.0])
    past(OTHER_PLATE, Berth.objects.get(code="A-002"), [1.0])
    assert draw(PLATE, clock.now())["stays"] == 2
    prove(owner, PLATE.text, "blue")
    prove(owner, OTHER_PLATE.text, "blue")
    both = draw(PLATE, clock.now())
    assert (both["stays"], both["holder_known"]) == (3, 1)  # P0.2


def test_a_former_holders_stays_are_not_the_new_holders(
    past: Any, section: Any, owner: Any, stranger: Any, clock: Any
) -> None:
    prove(stranger, PLATE.text, "blue")
    past(PLATE, Berth.objects.get(code="A-003"), [None, None])
    clock.advance(timedelta(hours=1))
    prove(owner, PLATE.text, "blue")  # sold
    assert draw(PLATE, clock.now())["stays"] == 0


def test_contested_stays_count_against_nobody(debt: Any, clock: Any) -> None:
    clock.advance(timedelta(days=1))
    assert draw(PLATE, clock.now())["overdue"] == 1
    services.object(debt_ids=[debt.pk], reason="not_mine", actor="owner")
    assert draw(PLATE, clock.now())["overdue"] == 0


def test_no_feature_stands_for_a_persons_origin() -> None:
    from arrears.risk.portrait import FEATURES_SQL

    barred = ("plate", "province", "section", "phone", "name", "colour")
    assert not any(word in name for name in features.NAMES for word in barred)
    assert not any(word in FEATURES_SQL for word in ("plate", "section", "phone"))


def test_a_score_computed_after_departure_keeps_the_entrys_moment_and_is_marked(
    past: Any, section: Any, arrived: Any, scored: Any, clock: Any, run_reactions: Any
) -> None:
    past(PLATE, Berth.objects.get(code="A-003"), LATE)
    stay = arrived()
    clock.advance(timedelta(hours=2))
    parking.close_stay(berth_id=stay.berth_id, occurred_at=clock.now(), said_by=TEST)
    run_reactions()
    assert not Watch.objects.exists()  # nothing is known yet
    row = scored(stay)
    assert row.late  # P0.3
    assert row.as_of == stay.arrived_at
    assert Watch.objects.get().due_at == clock.now() + timedelta(seconds=row.payment_time_s)


def test_a_lost_task_is_asked_for_again(arrived: Any, monkeypatch: Any) -> None:
    stay = arrived()
    Assessment.objects.update(ask_again_at="2020-01-01T00:00:00Z")
    asked: list[int] = []
    monkeypatch.setattr("arrears.tasks.ask_scorer", asked.append)
    assert tasks.ask_again() == 1
    assert asked == [Assessment.objects.get(stay=stay).pk]
    assert tasks.ask_again() == 0


def test_a_corrected_plate_is_scored_anew_and_nobody_reads_what_was_said_of_the_other(
    past: Any, section: Any, arrived: Any, scored: Any, run_reactions: Any
) -> None:
    past(OTHER_PLATE, Berth.objects.get(code="A-003"), LATE)
    stay = arrived()
    row = scored(stay)
    ShadowScore.objects.create(assessment=row, model=row.model, probability=0.5)
    parking.correct_plate(
        stay_id=stay.pk,
        plate_text=OTHER_PLATE.text,
        plate_colour=str(OTHER_PLATE.colour),
        actor=TEST,
        why="misread",
    )
    assert selectors.decision_of(stay.pk) is None  # until it is about this vehicle
    run_reactions()
    decision = selectors.decision_of(stay.pk)
    assert (decision.state, decision.payment_time_s) == ("waiting", None)  # type: ignore[union-attr]
    assert not ShadowScore.objects.exists()
    assert scored(stay).at_risk


def test_scoring_twice_is_scoring_once(arrived: Any, scored: Any) -> None:
    row = scored(arrived())
    assert services.score(row.pk) is False
    assert Portrait.objects.count() == 1


def test_only_a_stay_at_risk_is_watched_until_its_predicted_payment_time(
    past: Any, section: Any, arrived: Any, scored: Any, clock: Any, run_reactions: Any
) -> None:
    past(PLATE, Berth.objects.get(code="A-003"), LATE)
    stay = arrived()
    row = scored(stay)
    assert not Watch.objects.exists()  # it has not left yet
    clock.advance(timedelta(hours=1))
    parking.close_stay(berth_id=stay.berth_id, occurred_at=clock.now(), said_by=TEST)
    run_reactions()
    watch = Watch.objects.get()  # P0.4
    assert watch.due_at == clock.now() + timedelta(seconds=row.payment_time_s)
    assert timedelta(0) < watch.due_at - clock.now() <= timedelta(hours=72)


def test_a_stay_not_at_risk_has_the_ordinary_window_and_no_watch(
    arrived: Any, scored: Any, clock: Any, pass_time: Any
) -> None:
    stay = arrived()
    scored(stay)
    clock.advance(timedelta(hours=1))
    parking.close_stay(berth_id=stay.berth_id, occurred_at=clock.now(), said_by=TEST)
    pass_time(hours=71)
    assert not Watch.objects.exists()  # P0.4: and only then
    assert selectors.debt_of_stay(stay.pk) is None
    pass_time(hours=2)
    assert selectors.debt_of_stay(stay.pk) is not None  # the debt comes from the window


def test_any_payment_ends_the_watch(
    past: Any, section: Any, arrived: Any, scored: Any, clock: Any, run_reactions: Any, pay: Any
) -> None:
    past(PLATE, Berth.objects.get(code="A-003"), LATE)
    stay = arrived()
    scored(stay)
    clock.advance(timedelta(hours=1))
    parking.close_stay(berth_id=stay.berth_id, occurred_at=clock.now(), said_by=TEST)
    run_reactions()
    pay(stay, follow=False)
    assert Watch.objects.get().state == "paid"  # P0.4


def test_the_subject_may_have_their_portrait_deleted(
    past: Any, section: Any, holder: Any, arrived: Any, scored: Any
) -> None:
    past(PLATE, Berth.objects.get(code="A-003"), LATE)
    stay = arrived()
    scored(stay)
    plates = [(PLATE.text, "blue")]
    assert services.delete_portraits(user_id=holder.pk, plates=plates, actor="user:1") == 1
    row = Assessment.objects.get()
    assert (row.state, row.probability, row.reasons) == ("deleted", None, [])
    assert ParkingSession.objects.filter(pk=stay.pk).exists()  # the books remain


# ── The model itself ─────────────────────────────────────────────────────────────────────────
def test_a_cleaner_record_never_scores_worse() -> None:
    from arrears.risk import scoring

    model = registry.load(registry.SHIPPED)
    base = dict.fromkeys(features.NAMES, 0.0) | {
        "stays": 8,
        "late_share": 0.5,
        "recent_late_share": 0.4,
        "overdue": 1,
        "mean_delay_h": 60.0,
        "last_delay_h": 30.0,
        "prompt_streak": 1,
        "ahead_share": 0.2,
        "days_since_last": 5.0,
        "mean_fee_yuan": 8.0,
    }
    for feature in features.FEATURES:
        if not feature.more:
            continue
        chances = [
            scoring.score(model, base | {feature.name: base[feature.name] * factor + factor})
            for factor in (0.0, 0.2, 0.6, 1.0, 2.0)
        ]
        rising = [one.probability * feature.more for one in chances]
        assert rising == sorted(rising), feature.name


def test_the_payment_time_is_a_distribution_with_rising_quantiles() -> None:
    from arrears.risk import scoring

    model = registry.load(registry.SHIPPED)
    answer = scoring.score(model, {"stays": 0, "holder_known": 0})
    paid_by = answer.payment_time.paid_by
    assert list(paid_by) == sorted(paid_by)
    times = [answer.payment_time.hours_until(q, within_h=72) for q in (0.1, 0.5, 0.8, 0.95)]
    assert times == sorted(times)
    assert 0 < times[0] < times[-1] <= 72


def test_the_shipped_model_says_what_it_was_made_from() -> None:
    register, _sha256 = registry.read_register(registry.SHIPPED)
    assert register["source"] == "simulated"
    assert register["figures"]["brier"] < register["figures"]["brier_of_base_rate"]
    assert register["figures"]["pr_auc"] > 3 * register["figures"]["base_rate"]
    size = sum(f.stat().st_size for f in (registry.FOLDER / registry.SHIPPED).iterdir())
    assert size <= 300_000


def test_a_changed_model_file_is_refused(tmp_path: Any) -> None:
    import shutil

    shutil.copytree(registry.FOLDER / registry.SHIPPED, tmp_path / "x")
    (tmp_path / "x" / "risk.ubj").write_bytes(b"another")
    with pytest.raises(registry.BadModel):
        registry.load("x", tmp_path)
    with pytest.raises(registry.BadModel):
        registry.load("absent", tmp_path)


@pytest.mark.django_db
def test_the_command_trains_a_model_that_evaluates_itself(tmp_path: Any, capsys: Any) -> None:
    call_command("train_risk_model", "--name", "t", "--vehicles", "500", "--into", str(tmp_path))
    register, _sha256 = registry.read_register("t", tmp_path)
    assert register["data"]["learn"]["to"] <= register["data"]["calibrate"]["from"]  # by time
    assert register["data"]["calibrate"]["to"] <= register["data"]["judge"]["from"]
    capsys.readouterr()
    call_command(
        "evaluate_risk_model", "--name", "t", "--from", str(tmp_path), "--vehicles", "300", "--json"
    )
    told = json.loads(capsys.readouterr().out)
    assert {"pr_auc", "brier", "deciles", "groups", "payment_time"} <= told["figures"].keys()
    assert told["source"] == "simulated"


def test_a_model_takes_over_only_after_it_was_better_in_shadow(
    arrived: Any, scored: Any, monkeypatch: Any
) -> None:
    first = services_register()
    shadow = RiskModel.objects.create(
        version="shadow",
        sha256="x",
        source="history",
        data_from="2026-01-01",
        data_to="2026-02-01",
        figures={},
        state="shadow",
        contact_fen=1,
        annoyance_fen=1,
        due_fen=1,
        lift=0.1,
        registered_at=first.registered_at,
    )
    monkeypatch.setattr(
        registry, "load", lambda version, load=registry.load: load(registry.SHIPPED)
    )
    scored(arrived())
    assert ShadowScore.objects.get().model == shadow  # it says, nothing follows
    with pytest.raises(ModelNotBetter):
        services.promote("shadow", actor="user:1")


def services_register() -> RiskModel:
    from arrears.services import models

    return models.serving()


def test_risk_alone_lists_nobody_and_changes_no_price(
    past: Any, section: Any, arrived: Any, scored: Any, clock: Any, run_reactions: Any
) -> None:
    past(PLATE, Berth.objects.get(code="A-003"), LATE)
    stay = arrived()
    assert scored(stay).at_risk
    assert selectors.listing_of(PLATE) is None  # docs/features.md 56
    clock.advance(timedelta(minutes=90))
    parking.close_stay(berth_id=stay.berth_id, occurred_at=clock.now(), said_by=TEST)
    run_reactions()
    assert selectors.listing_of(PLATE) is None
    assert ParkingSession.objects.get(pk=stay.pk).due_fen == 1200
