"""A question lowers a lock; the questions that are open already hold what runs for their stays."""

from django.db import migrations, models
from django.utils import timezone

TOPIC = "parking.stay_questioned"
REACTIONS = ("arrears.reactions.hold", "recovery.reactions.release_questioned")


def hold_what_is_questioned(apps, schema_editor):
    """Say of each open question what a new one says; its reactions do the rest."""
    reviews = apps.get_model("parking", "ReviewItem").objects.filter(
        state="open", stay__state__in=["parked", "due"]
    )
    now = timezone.now()
    events = apps.get_model("core", "OutboxEvent").objects
    deliveries = apps.get_model("core", "OutboxDelivery")
    for stay_id in sorted(set(reviews.values_list("stay_id", flat=True))):
        event = events.create(topic=TOPIC, data={"stay_id": stay_id}, occurred_at=now)
        deliveries.objects.bulk_create(
            deliveries(event=event, reaction=one, next_try_at=now) for one in REACTIONS
        )


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0004_rights_of_the_desk"),
        ("parking", "0007_every_question_holds"),
        ("arrears", "0005_pay_windows_stand_still"),
        ("recovery", "0003_rights_of_the_desk"),
    ]

    operations = [
        migrations.AlterField(
            model_name="recoveryorder",
            name="ended_by",
            field=models.CharField(
                blank=True,
                choices=[
                    ("payment", "paid"),
                    ("dropped", "waived or withdrawn"),
                    ("dispute", "the owner objects"),
                    ("question", "a question about the stay is open"),
                    ("repriced", "the fee was raised"),
                    ("emergency", "lowered by a person"),
                    ("lease", "the lock lowered itself"),
                    ("release_code", "release code typed"),
                    ("cancelled", "cancelled"),
                ],
                default="",
                max_length=16,
                verbose_name="ended by",
            ),
        ),
        migrations.RunPython(hold_what_is_questioned, migrations.RunPython.noop),
    ]
