"""The books refuse TRUNCATE as they refuse UPDATE and DELETE (docs/rules.md 5)."""

from django.db import migrations

ADD = """
CREATE TRIGGER payments_ledgerentry_not_emptied BEFORE TRUNCATE ON payments_ledgerentry
    FOR EACH STATEMENT EXECUTE FUNCTION payments_books_only_grow();
CREATE TRIGGER payments_ledgertransfer_not_emptied BEFORE TRUNCATE ON payments_ledgertransfer
    FOR EACH STATEMENT EXECUTE FUNCTION payments_books_only_grow();
"""
DROP = """
DROP TRIGGER payments_ledgertransfer_not_emptied ON payments_ledgertransfer;
DROP TRIGGER payments_ledgerentry_not_emptied ON payments_ledgerentry;
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0006_what_is_there_waits_and_stands_on_its_day")]
    operations = [migrations.RunSQL(ADD, DROP)]
