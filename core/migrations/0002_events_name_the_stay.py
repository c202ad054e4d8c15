"""Events that still wait to be reacted to are named as the reactions of now read them."""

from django.db import migrations

WAITING = "SELECT event_id FROM core_outboxdelivery WHERE state IN ('pending', 'parked')"
STAY = """
UPDATE core_outboxevent
   SET data = (data - '{old}') || jsonb_build_object('{new}', data -> '{old}')
 WHERE data ? '{old}' AND id IN ({waiting})
"""
CARD = "UPDATE core_outboxevent SET topic = '{new}' WHERE topic = '{old}' AND id IN ({waiting})"


def renamed(sql: str, old: str, new: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        sql.format(old=old, new=new, waiting=WAITING),
        sql.format(old=new, new=old, waiting=WAITING),
    )


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [
        renamed(STAY, "session_id", "stay_id"),
        renamed(CARD, "monthlycard.ended", "monthlycard.card_ended"),
    ]
