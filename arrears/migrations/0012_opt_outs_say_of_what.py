"""An opt-out says what is not wanted: reminders, as all did, or being foreseen by a machine."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('arrears', "0011_one_entry_a_vehicle"),
    ]

    operations = [
        migrations.AddField(
            model_name='optout',
            name='what',
            field=models.CharField(choices=[('reminders', 'being reminded'), ('profiling', 'foresight by a machine')], default='reminders', max_length=10, verbose_name='not wanted'),
        ),
        migrations.AlterField(
            model_name='optout',
            name='subject',
            field=models.CharField(max_length=60, verbose_name='subject'),
        ),
        migrations.AddConstraint(
            model_name='optout',
            constraint=models.UniqueConstraint(fields=('subject', 'what'), name='opt_out_once'),
        ),
    ]
