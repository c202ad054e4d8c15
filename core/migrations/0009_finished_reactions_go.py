"""What was done leaves no row: a delivery is a reaction that is still to come (decision 80)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("core", "0008_shown_photographs")]
    operations = [
        migrations.RunSQL(
            "DELETE FROM core_outboxdelivery WHERE state = 'done'", migrations.RunSQL.noop
        ),
        migrations.RemoveField("outboxdelivery", "done_at"),
    ]
