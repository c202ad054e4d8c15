"""What tells two presences apart, and what within one is not billed."""

import django.db.models.deletion
from django.db import migrations, models

import parking.states

BY_HAND = """
UPDATE parking_berthevent SET by_hand = true WHERE device_id IS NULL AND said_by LIKE 'user:%'
"""


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_holdings_as_others_read_them'),
        ('devices', '0003_rights_of_the_desk'),
        ('parking', '0007_every_question_holds'),
    ]

    operations = [
        migrations.CreateModel(
            name='StayGap',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('began_at', models.DateTimeField(verbose_name='from')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='until')),
                ('why', models.CharField(max_length=40, verbose_name='why')),
            ],
            options={
                'verbose_name': 'gap of a stay',
                'verbose_name_plural': 'gaps of stays',
            },
        ),
        migrations.RemoveConstraint(
            model_name='imageorder',
            name='image_order_once_a_camera',
        ),
        migrations.AddField(
            model_name='berthevent',
            name='by_hand',
            field=models.BooleanField(default=False, verbose_name='said by a person'),
        ),
        migrations.AddField(
            model_name='berthevent',
            name='device_at',
            field=models.DateTimeField(null=True, verbose_name="by the device's clock"),
        ),
        migrations.AddField(
            model_name='imageorder',
            name='purpose',
            field=models.CharField(choices=[('arrival', 'arrival'), ('leaving', 'leaving'), ('capture', 'inspection')], default='arrival', max_length=8, verbose_name='purpose'),
        ),
        migrations.AddField(
            model_name='parkingsession',
            name='final_at',
            field=models.DateTimeField(editable=False, help_text='When its departure counts, unless it is said to stand.', null=True),
        ),
        migrations.AddField(
            model_name='parkingsession',
            name='merged_into',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='merged', to='parking.parkingsession'),
        ),
        migrations.AddField(
            model_name='section',
            name='flap_s',
            field=models.PositiveIntegerField(default=120, help_text='A departure and an arrival closer than this are one stay of one vehicle.', verbose_name='flapping sensor (s)'),
        ),
        migrations.AlterField(
            model_name='parkingsession',
            name='doubt',
            field=models.CharField(blank=True, choices=[('', 'none'), ('next_arrived', 'the next vehicle came before this one was seen to leave'), ('no_departure', 'no departure was reported'), ('split', 'another arrival was reported in the middle of this stay'), ('sensor_gap', 'the sensor was silent for a part of this stay')], default='', max_length=16, verbose_name='doubt'),
        ),
        migrations.AlterField(
            model_name='parkingsession',
            name='tariff_version',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='parking.tariffversion', verbose_name='tariff version'),
        ),
        migrations.AddIndex(
            model_name='parkingsession',
            index=models.Index(condition=models.Q(('final_at__isnull', False)), fields=['final_at'], name='stay_departure_final'),
        ),
        migrations.AddIndex(
            model_name='sighting',
            index=models.Index(fields=['berth', 'occurred_at'], name='sighting_at_berth'),
        ),
        migrations.AddConstraint(
            model_name='imageorder',
            constraint=models.UniqueConstraint(condition=models.Q(('state', parking.states.ImageOrderState['ASKED'])), fields=('stay', 'device', 'purpose'), name='image_order_once_a_camera'),
        ),
        migrations.AddField(
            model_name='staygap',
            name='device',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='devices.device', verbose_name='device'),
        ),
        migrations.AddField(
            model_name='staygap',
            name='stay',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='gaps', to='parking.parkingsession', verbose_name='stay'),
        ),
        migrations.AddConstraint(
            model_name='staygap',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('stay',), name='one_open_gap_a_stay'),
        ),
        migrations.AddConstraint(
            model_name='staygap',
            constraint=models.CheckConstraint(condition=models.Q(('ended_at__isnull', True), ('ended_at__gte', models.F('began_at')), _connector='OR'), name='stay_gap_ends_after_it_begins'),
        ),
        migrations.RunSQL(BY_HAND, migrations.RunSQL.noop),
    ]
