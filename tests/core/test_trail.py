"""The audit trail is only added to, whoever asks the database."""

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from accounts.models import Merchant
from core import audit
from core.models import AuditEntry
from payments.models import LedgerTransfer


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE core_auditentry SET actor = 'somebody else'",
        "UPDATE core_auditentry SET facts = '{}' WHERE subject = 'accounts.merchant'",
        "DELETE FROM core_auditentry",
        "TRUNCATE core_auditentry",
        "TRUNCATE payments_ledgerentry CASCADE",
        "TRUNCATE payments_ledgertransfer CASCADE",
    ],
)
def test_what_was_written_down_is_neither_changed_nor_removed(merchant: Merchant, statement: str):
    audit.record(merchant, "looked at", actor="user:1", what="a thing")
    before = list(AuditEntry.objects.order_by("pk").values())
    refused = pytest.raises(DatabaseError, match="only added to")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert list(AuditEntry.objects.order_by("pk").values()) == before


def test_the_models_can_neither(merchant: Merchant):
    entry = AuditEntry.objects.filter(subject="accounts.merchant").get()
    entry.reason = "another"
    for change in (entry.save, entry.delete, AuditEntry.objects.all().delete):
        with pytest.raises(DatabaseError, match="only added to"), transaction.atomic():
            change()
    assert AuditEntry.objects.get(pk=entry.pk).reason == ""


@pytest.mark.django_db(transaction=True)
def test_tests_are_emptied_and_the_guards_stand_again(merchant: Merchant, settings):
    call_command("flush", interactive=False, verbosity=0)
    assert not AuditEntry.objects.exists()
    audit.record(merchant, "looked at", actor="user:1")
    for table in (AuditEntry, LedgerTransfer):
        with pytest.raises(DatabaseError, match="only added to"), connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {table._meta.db_table} CASCADE")

    settings.PRODUCTION = True
    with pytest.raises(CommandError):
        call_command("flush", interactive=False, verbosity=0)
    settings.PRODUCTION = False
    assert AuditEntry.objects.count() == 1
