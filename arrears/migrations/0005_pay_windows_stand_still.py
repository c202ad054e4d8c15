"""A pay window stands still while a question about its stay is open."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("arrears", "0004_rights_of_the_desk")]

    operations = [
        migrations.RemoveConstraint(model_name="paywindow", name="pay_window_state_known"),
        migrations.AddConstraint(
            model_name="paywindow",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["open", "held", "ended", "paid", "dropped"])),
                name="pay_window_state_known",
            ),
        ),
    ]
