"""The audit trail is only added to, and the books are not emptied (docs/rules.md 5).

A row that says who did what is neither changed nor removed by whoever holds the application's
database user; `manage.py flush` of tests takes the guards off for itself.
"""

from django.db import migrations

ADD = """
CREATE FUNCTION core_trail_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is only added to; what was wrong is said by another entry'
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER core_auditentry_only_grows BEFORE UPDATE OR DELETE ON core_auditentry
    FOR EACH ROW EXECUTE FUNCTION core_trail_only_grows();
CREATE TRIGGER core_auditentry_not_emptied BEFORE TRUNCATE ON core_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION core_trail_only_grows();
"""
DROP = """
DROP TRIGGER core_auditentry_not_emptied ON core_auditentry;
DROP TRIGGER core_auditentry_only_grows ON core_auditentry;
DROP FUNCTION core_trail_only_grows();
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0005_outages")]
    operations = [migrations.RunSQL(ADD, DROP)]
