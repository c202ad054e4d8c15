"""Passes are found by plate and time."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('monthlycard', '0007_cards_run_out'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='passrecord',
            index=models.Index(fields=['plate_text', 'passed_at'], name='pass_of_plate'),
        ),
    ]
