"""The trail shows tampering: what is changed after it was sealed is found and named."""

import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, close_old_connections, connection, transaction

from accounts.models import Merchant
from core import audit
from core.models import AuditEntry, TrailSeal
from core.trail import anchors, content, keys, sealing, veiling, verifying


def write(merchant: Merchant, number: int = 4) -> list[int]:
    """So many entries; their numbers."""
    for one in range(number):
        audit.record(merchant, "looked at", actor="user:1", reason=f"reason {one}", what=one)
    entries = AuditEntry.objects.filter(action="looked at").order_by("-pk")[:number]
    return sorted(entries.values_list("pk", flat=True))


def seal() -> int:
    """The sweep as often as the dispatcher needs until nothing is left; how many it sealed."""
    sealing.seal_ready()  # looks ahead
    return sealing.seal_ready()


def as_superuser(*statements: str) -> None:
    """What whoever owns the server can do: the guards taken off, and put on again."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture
def sealed(merchant: Merchant) -> list[int]:
    """Four entries in two seals."""
    first = write(merchant, 2)
    seal()
    second = write(merchant, 2)
    seal()
    assert TrailSeal.objects.count() == 2
    assert verifying.verify().wrong == []
    return first + second


# ── What is sealed ──────────────────────────────────────────────────────────────────────────────
def test_every_entry_is_sealed_once_in_the_order_of_their_numbers(sealed, merchant):
    report = verifying.verify()
    assert (report.entries, report.seals) == (AuditEntry.objects.count(), 2)
    assert (report.not_sealed, report.not_sealed_since) == (0, None)
    first, second = TrailSeal.objects.order_by("number")
    assert [pk for pk, _digest in content.unpack(bytes(second.leaves))] == sealed[2:]
    assert bytes(second.former) == bytes(first.head)
    assert (second.after_id, second.upto_id, second.total) == (
        first.upto_id,
        sealed[-1],
        AuditEntry.objects.count(),
    )
    assert seal() == 0


def test_what_is_not_sealed_yet_is_told(sealed, merchant, capsys):
    write(merchant, 3)
    call_command("verify_trail")
    said = capsys.readouterr().out
    assert "3 entries are not sealed yet" in said
    assert said.endswith("The trail is what was sealed.\n")


def test_more_than_a_seal_holds_is_sealed_by_the_next_sweeps(merchant, monkeypatch):
    monkeypatch.setattr(sealing, "MOST", 3)
    write(merchant, 7)
    everything = AuditEntry.objects.count()
    sealing.seal_ready()
    sizes = []
    while sealed_now := sealing.seal_ready():
        sizes.append(sealed_now)
    assert sum(sizes) == everything and max(sizes) == 3
    assert verifying.verify().wrong == []


def test_what_was_written_and_undone_leaves_a_gap_that_nobody_can_fill(merchant):
    with transaction.atomic():
        write(merchant, 1)
        transaction.set_rollback(True)
    (pk,) = write(merchant, 1)
    seal()
    assert verifying.verify().wrong == []
    copied = ", ".join(one.column for one in AuditEntry._meta.concrete_fields if one.column != "id")
    as_superuser(
        f"INSERT INTO core_auditentry (id, {copied}) SELECT id - 1, {copied} FROM core_auditentry"
        f" WHERE id = {pk}"
    )
    assert verifying.verify().wrong == [f"entry {pk - 1} was inserted later (into seal 1)"]


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_commits_late_is_waited_for_and_nobody_waits_for_the_sweep(merchant):
    seal()
    written, go_on, failed = threading.Event(), threading.Event(), []

    def late() -> None:
        try:
            with transaction.atomic():
                audit.record(merchant, "late", actor="user:2")
                written.set()
                go_on.wait(20)
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=late)
    thread.start()
    assert written.wait(20)
    later = write(merchant, 1)  # has a higher number, and is committed first
    for _ in range(3):
        assert sealing.seal_ready() == 0
    later += write(merchant, 1)  # nobody who writes is held up meanwhile
    go_on.set()
    thread.join(20)
    assert failed == []
    assert sealing.seal_ready() == 2  # up to where it had looked ahead
    assert sealing.seal_ready() == 1
    late_one = AuditEntry.objects.get(action="late")
    assert late_one.pk < later[0]
    assert verifying.verify().wrong == []
    close_old_connections()


@pytest.mark.django_db(transaction=True)
def test_of_two_sweepers_one_seals(merchant):
    write(merchant, 5)
    sealing.seal_ready()
    barrier, sealed = threading.Barrier(2), []

    def sweep() -> None:
        try:
            barrier.wait(10)
            sealed.append(sealing.seal_ready())
        finally:
            connection.close()

    threads = [threading.Thread(target=sweep) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(sealed) == 2
    assert TrailSeal.objects.count() == 1
    assert sum(sealed) == AuditEntry.objects.count()
    assert verifying.verify().wrong == []


# ── What is found ───────────────────────────────────────────────────────────────────────────────
CHANGES = {
    "at": "at + interval '1 microsecond'",
    "recorded_at": "recorded_at - interval '1 day'",
    "subject": "'accounts.user'",
    "subject_id": "subject_id + 1",
    "action": "'looked away'",
    "from_state": "'a'",
    "to_state": "'b'",
    "actor": "'user:2'",
    "reason": "'another'",
    "facts": """'{"what": 7}'""",
    "salt": "'\\x00'",
}


def test_every_column_of_an_entry_is_tried_here():
    columns = {one.column for one in AuditEntry._meta.concrete_fields}
    assert columns == set(CHANGES) | {"id", "veiled"}


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_entry_is_named_also_when_the_superuser_did_it(sealed, column, capsys):
    as_superuser(f"UPDATE core_auditentry SET {column} = {CHANGES[column]} WHERE id = {sealed[1]}")
    with pytest.raises(CommandError, match="tampered with: 1 finding"):
        call_command("verify_trail")
    assert f"entry {sealed[1]} was changed (seal 1)\n" in capsys.readouterr().out


def test_a_removed_entry_is_named(sealed):
    as_superuser(f"DELETE FROM core_auditentry WHERE id = {sealed[2]}")
    assert verifying.verify().wrong == [f"entry {sealed[2]} was removed (seal 2)"]


def test_an_entry_with_a_number_below_all_others_is_named(sealed):
    as_superuser(f"UPDATE core_auditentry SET id = -1 WHERE id = {sealed[2]}")
    assert verifying.verify().wrong == [
        f"entry {sealed[2]} was removed (seal 2)",
        "entry -1 was inserted: no entry has such a number",
    ]


def test_two_entries_that_changed_places_are_named(sealed):
    first, second = sealed[:2]
    as_superuser(
        f"UPDATE core_auditentry SET id = -1 WHERE id = {first}",
        f"UPDATE core_auditentry SET id = {first} WHERE id = {second}",
        f"UPDATE core_auditentry SET id = {second} WHERE id = -1",
    )
    assert verifying.verify().wrong == [f"entry {pk} was changed (seal 1)" for pk in sealed[:2]]


def test_a_changed_seal_a_forged_one_and_a_missing_one_are_named(sealed, merchant):
    write(merchant, 1)
    seal()
    for changed, found in {
        "UPDATE core_trailseal SET leaves = former WHERE number = 2": "seal 2 was changed",
        "UPDATE core_trailseal SET total = total + 1 WHERE number = 2": "seal 2 was changed",
        "UPDATE core_trailseal SET signature = former WHERE number = 2": (
            "seal 2 is not signed by its key"
        ),
        "UPDATE core_trailseal SET key_id = 'f' WHERE number = 2": (
            "seal 2 is signed by a key that is not trusted: f"
        ),
        "DELETE FROM core_trailseal WHERE number = 2": "seals 2 to 2 are gone",
    }.items():
        mark = transaction.savepoint()
        as_superuser(changed)
        assert found in verifying.verify().wrong
        transaction.savepoint_rollback(mark)


def test_entry_and_seal_reckoned_anew_lack_the_key_which_no_database_holds(sealed, settings):
    settings.TRAIL_KEY, ours = "a key of whoever has the database alone", settings.TRAIL_KEY
    rewrite(sealed[0])
    settings.TRAIL_KEY = ours
    assert len([one for one in verifying.verify().wrong if "not trusted" in one]) == 1


def rewrite(pk: int) -> None:
    """Whoever has the database and the key: an entry is changed, and all is sealed anew."""
    as_superuser(
        f"UPDATE core_auditentry SET actor = 'user:9' WHERE id = {pk}",
        "DELETE FROM core_trailseal",
    )
    seal()


# ── Anchors ─────────────────────────────────────────────────────────────────────────────────────
def kept(path: Path) -> Path:
    anchor = anchors.make()
    assert anchor is not None
    path.write_text(anchors.text(anchor))
    return path


def test_a_trail_rewritten_whole_is_shown_by_an_anchor_kept_elsewhere(sealed, tmp_path, capsys):
    anchor = kept(tmp_path / "day.json")
    call_command("verify_trail", "--anchor", str(anchor))
    rewrite(sealed[0])
    call_command("verify_trail")  # all of it fits together
    with pytest.raises(CommandError, match="tampered"):
        call_command("verify_trail", "--anchor", str(anchor))
    assert "names seal 2, which is gone" in capsys.readouterr().out


def test_the_first_anchor_that_no_longer_fits_says_between_which_days(merchant, tmp_path, capsys):
    files, entries = [], []
    for day in range(3):
        entries.append(write(merchant, 1)[0])
        seal()
        files.append(str(kept(tmp_path / f"{day}.json")))
    first, *_rest = TrailSeal.objects.order_by("number")
    as_superuser(
        f"UPDATE core_auditentry SET actor = 'user:9' WHERE id = {entries[1]}",
        f"DELETE FROM core_trailseal WHERE number > {first.number}",
    )
    for pk in entries[1:]:  # seal by seal, as before
        last = TrailSeal.objects.order_by("-number").first()
        sealing._seal(last, list(AuditEntry.objects.filter(pk=pk)), upto_id=pk)
    assert verifying.verify().wrong == []
    with pytest.raises(CommandError, match="2 findings"):
        call_command("verify_trail", "--anchor", *files)
    assert "something of seals 2 to 2 is not what the anchor" in capsys.readouterr().out


def test_an_altered_anchor_is_none_of_ours(sealed, tmp_path):
    path = kept(tmp_path / "day.json")
    said = json.loads(path.read_text())
    for altered in ({"entries": 1}, {"key": "00" * 32}, {"signature": "zz"}, {"head": "00"}):
        (wrong,) = verifying.verify([said | altered]).wrong
        assert "is not signed by us" in wrong
    path.write_text("[]")
    with pytest.raises(CommandError, match="no anchor that can be read"):
        call_command("verify_trail", "--anchor", str(path))


def test_each_night_leaves_an_anchor_that_only_we_can_read(sealed, settings, tmp_path):
    settings.BOWEI_ANCHORS = str(tmp_path / "anchors")
    assert anchors.keep_daily() == 1
    (path,) = Path(settings.BOWEI_ANCHORS).iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    call_command("verify_trail", "--anchor", str(path))


def test_the_command_prints_one_and_says_where_there_is_nothing_to_anchor(merchant, capsys):
    with pytest.raises(CommandError, match="nothing is sealed yet"):
        call_command("anchor_trail")
    assert anchors.keep_daily() == 0
    write(merchant)
    seal()
    call_command("anchor_trail")
    assert anchors.is_ours(json.loads(capsys.readouterr().out))


def test_a_new_key_seals_on_and_what_the_old_one_signed_counts_while_it_is_named(
    sealed, settings, tmp_path, merchant
):
    anchor, old = kept(tmp_path / "day.json"), keys.public()
    settings.TRAIL_KEY, settings.TRAIL_FORMER = "another key, fifty characters long or more", [old]
    write(merchant)
    seal()
    assert keys.public() != old
    call_command("verify_trail", "--anchor", str(anchor))
    settings.TRAIL_FORMER = []
    wrong = verifying.verify([json.loads(anchor.read_text())]).wrong
    assert len(wrong) == 3  # two seals, an anchor


# ── Personal words ──────────────────────────────────────────────────────────────────────────────
def test_personal_words_go_and_the_proof_stays(sealed):
    assert veiling.veil(sealed[:2], actor="user:7", reason="asked to be forgotten") == 2
    assert veiling.veil(sealed[:2], actor="user:7", reason="asked to be forgotten") == 0
    for entry in AuditEntry.objects.filter(pk__in=sealed[:2]):
        assert (entry.reason, entry.facts, entry.salt) == ("", {}, None)
    said = AuditEntry.objects.get(subject="core.trail")
    assert (said.action, said.actor, said.reason) == ("veiled", "user:7", "asked to be forgotten")
    assert said.facts == {"entries": sealed[:2]}
    seal()
    report = verifying.verify()
    assert (report.wrong, report.veiled) == ([], 2)
    as_superuser(f"UPDATE core_auditentry SET actor = 'user:9' WHERE id = {sealed[0]}")
    assert verifying.verify().wrong == [f"entry {sealed[0]} was changed (seal 1)"]


def test_an_entry_is_veiled_before_it_is_sealed_too(merchant):
    entries = write(merchant)
    veiling.veil(entries, actor="user:7", reason="asked to be forgotten")
    seal()
    assert verifying.verify().wrong == []


def test_words_that_go_without_an_entry_that_says_so_are_named(sealed):
    entry = AuditEntry.objects.get(pk=sealed[0])
    entry.veiled, entry.salt, entry.reason, entry.facts = content.words_of(entry), None, "", {}
    entry.save()  # the database can't tell
    assert verifying.verify().wrong == [
        f"entry {sealed[0]} lost its words, and no entry says by whom"
    ]


@pytest.mark.parametrize(
    "change",
    [
        "reason = ''",
        "veiled = decode(repeat('00', 32), 'hex'), salt = NULL, reason = ''",  # facts stay
        "veiled = decode(repeat('00', 32), 'hex'), salt = NULL, facts = '{}'",  # reason stays
        "veiled = decode(repeat('00', 32), 'hex'), reason = '', facts = '{}'",  # salt stays
        "veiled = '', salt = NULL, reason = '', facts = '{}'",
        "veiled = decode(repeat('00', 32), 'hex'), salt = NULL, reason = '', facts = '{}',"
        " actor = ''",
    ],
)
def test_the_database_lets_nothing_but_the_words_go(sealed, change):
    refused = pytest.raises(DatabaseError, match="only added to")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE core_auditentry SET {change} WHERE id = {sealed[0]}")


@pytest.mark.parametrize("statement", ["UPDATE {} SET number = 9", "DELETE FROM {}", "TRUNCATE {}"])
def test_seals_are_neither_changed_nor_removed(sealed, statement):
    refused = pytest.raises(DatabaseError, match="only added to")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format("core_trailseal"))


def test_the_same_words_have_another_digest_each_time(merchant):
    first, second = AuditEntry.objects.filter(pk__in=write(merchant, 2))
    second.reason, second.facts = first.reason, first.facts
    assert content.words_of(first) != content.words_of(second)
    assert second.at - first.at < timedelta(hours=1)
