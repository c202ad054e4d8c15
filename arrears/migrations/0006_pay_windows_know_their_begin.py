"""A pay window knows when it began, so that its end can be reckoned anew when an outage is known."""

from django.db import migrations, models

BATCH = 20_000
FILL = """
UPDATE arrears_paywindow w
SET length_s = c.pay_window_s, began_at = w.due_at - c.pay_window_s * interval '1 second'
FROM parking_parkingsession s JOIN parking_section c ON c.id = s.section_id
WHERE s.id = w.stay_id AND w.id > %s AND w.id <= %s
"""


def fill(apps, editor):
    """Until now every window was exactly as long as its section's time."""
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM arrears_paywindow")
        (last,) = cursor.fetchone()
        for begin in range(0, last, BATCH):
            cursor.execute(FILL, [begin, begin + BATCH])


class Migration(migrations.Migration):
    dependencies = [
        ("arrears", "0005_pay_windows_stand_still"),
        ("parking", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="paywindow",
            name="began_at",
            field=models.DateTimeField(null=True, verbose_name="began"),
        ),
        migrations.AddField(
            model_name="paywindow",
            name="length_s",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        # The rows that were filled have triggers that wait for the end of the transaction.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="paywindow",
            name="began_at",
            field=models.DateTimeField(verbose_name="began"),
        ),
        migrations.AlterField(
            model_name="paywindow",
            name="length_s",
            field=models.PositiveIntegerField(
                help_text="The section's when it began.", verbose_name="length (s)"
            ),
        ),
        migrations.AlterField(
            model_name="paywindow",
            name="due_at",
            field=models.DateTimeField(
                help_text="So much later than it began, without outages of ours.",
                verbose_name="ends",
            ),
        ),
    ]
