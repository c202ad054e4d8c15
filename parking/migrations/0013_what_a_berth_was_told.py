"""Stays follow from what was told of their berth: silences of its sensor, words of people."""

import django.db.models.deletion
from django.db import migrations, models

BATCH = 20_000

# A plate that no photograph of the stay shows is somebody's word, of its arrival.
SAID = """
UPDATE parking_parkingsession stay SET plate_said_of = stay.arrived_at
WHERE stay.id > %s AND stay.id <= %s AND stay.plate_state = 'settled' AND NOT EXISTS (
    SELECT 1 FROM parking_sighting seen
    WHERE seen.stay_id = stay.id AND seen.state = 'settled' AND seen.plate_text = stay.plate_text)
"""
SILENT = """
INSERT INTO parking_berthsilence (berth_id, device_id, began_at, ended_at, why)
SELECT stay.berth_id, gap.device_id, gap.began_at, gap.ended_at, gap.why
FROM parking_staygap gap JOIN parking_parkingsession stay ON stay.id = gap.stay_id
WHERE gap.ended_at IS NOT NULL OR stay.state = 'parked'
"""


def fill(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM parking_parkingsession")
        last = cursor.fetchone()[0]
        for begin in range(0, last, BATCH):
            cursor.execute(SAID, [begin, begin + BATCH])
        cursor.execute(SILENT)


class Migration(migrations.Migration):

    dependencies = [
        ('devices', '0004_wrong_clocks_are_corrected'),
        ('parking', '0012_signed_addresses_of_berths'),
    ]

    operations = [
        migrations.AddField(
            model_name='parkingsession',
            name='plate_said_of',
            field=models.DateTimeField(editable=False, help_text='The moment of which a person said the plate, where no photograph gives it.', null=True),
        ),
        migrations.CreateModel(
            name='BerthSilence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('began_at', models.DateTimeField(verbose_name='from')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='until')),
                ('why', models.CharField(max_length=40, verbose_name='why')),
                ('berth', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='silences', to='parking.berth', verbose_name='berth')),
                ('device', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='devices.device', verbose_name='device')),
            ],
            options={
                'verbose_name': 'silence of a berth',
                'verbose_name_plural': 'silences of berths',
                'indexes': [models.Index(fields=['berth', 'began_at'], name='silence_of_a_berth')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('berth',), name='one_open_silence_a_berth'), models.CheckConstraint(condition=models.Q(('ended_at__isnull', True), ('ended_at__gte', models.F('began_at')), _connector='OR'), name='silence_ends_after_it_begins')],
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
