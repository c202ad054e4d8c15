"""Seals of the audit trail, which are only added to; and an entry can lose its personal words.

Of an entry nothing changes but that: its words and salt go, the digest that stood for them stays.
"""

import django.db.models
from django.db import migrations, models

import core.models

GUARD = """
CREATE TRIGGER core_trailseal_only_grows BEFORE UPDATE OR DELETE ON core_trailseal
    FOR EACH ROW EXECUTE FUNCTION core_trail_only_grows();
CREATE TRIGGER core_trailseal_not_emptied BEFORE TRUNCATE ON core_trailseal
    FOR EACH STATEMENT EXECUTE FUNCTION core_trail_only_grows();
CREATE OR REPLACE FUNCTION core_trail_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept record;
BEGIN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'core_auditentry' THEN
        kept := NEW;
        kept.reason := OLD.reason;
        kept.facts := OLD.facts;
        kept.salt := OLD.salt;
        kept.veiled := OLD.veiled;
        IF kept IS NOT DISTINCT FROM OLD AND OLD.veiled IS NULL AND length(NEW.veiled) = 32
            AND NEW.salt IS NULL AND NEW.reason = '' AND NEW.facts = '{}' THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit trail is only added to; what was wrong is said by another entry'
        USING ERRCODE = 'restrict_violation';
END $$;
"""
UNGUARD = """
DROP TRIGGER core_trailseal_not_emptied ON core_trailseal;
DROP TRIGGER core_trailseal_only_grows ON core_trailseal;
CREATE OR REPLACE FUNCTION core_trail_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is only added to; what was wrong is said by another entry'
        USING ERRCODE = 'restrict_violation';
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0006_the_trail_only_grows")]
    operations = [
        migrations.CreateModel(
            name="SealingAhead",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("upto_id", models.BigIntegerField(default=0)),
                ("writing", models.JSONField(default=list)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=django.db.models.Q(("pk", 1)), name="sealing_is_one_row"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TrailSeal",
            fields=[
                ("number", models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                ("sealed_at", models.DateTimeField()),
                ("after_id", models.BigIntegerField()),
                ("upto_id", models.BigIntegerField()),
                ("total", models.BigIntegerField()),
                ("leaves", models.BinaryField()),
                ("former", models.BinaryField()),
                ("head", models.BinaryField()),
                ("key_id", models.CharField(max_length=16)),
                ("signature", models.BinaryField()),
            ],
        ),
        migrations.AddField(
            model_name="auditentry",
            name="veiled",
            field=models.BinaryField(null=True),
        ),
        # Without a value for the rows that are there: it would rewrite them, and they are guarded.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddField(
                    model_name="auditentry",
                    name="salt",
                    field=models.BinaryField(default=core.models.fresh_salt, null=True),
                )
            ],
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE core_auditentry ADD COLUMN salt bytea NULL",
                    "ALTER TABLE core_auditentry DROP COLUMN salt",
                )
            ],
        ),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
