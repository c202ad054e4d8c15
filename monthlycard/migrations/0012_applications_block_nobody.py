from django.db import migrations, models

SHOWN = ["verified", "active", "suspended"]


class Migration(migrations.Migration):
    dependencies = [("monthlycard", "0011_questions_about_visits")]

    operations = [
        migrations.RemoveConstraint(model_name="card", name="one_card_a_plan_and_vehicle"),
        migrations.AddConstraint(
            model_name="card",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", SHOWN)),
                fields=("plan", "plate_text", "plate_colour"),
                name="one_shown_card_a_plan_and_vehicle",
            ),
        ),
        migrations.AddConstraint(
            model_name="card",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "applied")),
                fields=("plan", "user", "plate_text", "plate_colour"),
                name="one_application_a_person_and_vehicle",
            ),
        ),
    ]
