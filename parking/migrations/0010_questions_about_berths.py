"""A question may be about a berth."""

import django.db.models.deletion
from django.db import migrations, models

import parking.states


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_holdings_as_others_read_them'),
        ('parking', '0009_copied_plates'),
    ]

    operations = [
        migrations.AddField(
            model_name='reviewitem',
            name='berth',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='parking.berth', verbose_name='berth'),
        ),
        migrations.AlterField(
            model_name='reviewitem',
            name='kind',
            field=models.CharField(choices=[('plate', 'which plate is this'), ('prepayment', 'declared and read plate nearly agree'), ('stay', 'is this stay right'), ('berth', 'does a vehicle stand there')], max_length=12, verbose_name='kind'),
        ),
        migrations.AddConstraint(
            model_name='reviewitem',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'berth'), ('state', parking.states.ReviewState['OPEN'])), fields=('berth',), name='one_open_review_a_berth'),
        ),
    ]
