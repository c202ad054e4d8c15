"""Cases of plates that two vehicles seem to carry."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('parking', '0008_presences_are_told_apart'),
    ]

    operations = [
        migrations.CreateModel(
            name='CloneCase',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(default='open', max_length=16, verbose_name='state')),
                ('why', models.CharField(choices=[('too_far', 'in two places too far apart for the time between'), ('not_mine', 'its holder was right to say that it was another vehicle')], max_length=12, verbose_name='why')),
                ('plate_text', models.CharField(max_length=16, verbose_name='plate')),
                ('plate_colour', models.CharField(blank=True, max_length=16, verbose_name='plate colour')),
                ('opened_at', models.DateTimeField(verbose_name='opened')),
                ('closed_at', models.DateTimeField(null=True, verbose_name='closed at')),
                ('stays', models.ManyToManyField(related_name='+', to='parking.parkingsession', verbose_name='stays')),
            ],
            options={
                'verbose_name': 'copied plate',
                'verbose_name_plural': 'copied plates',
                'permissions': [('settle_clonecase', 'decide whether a plate is copied')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['open', 'copied', 'closed'])), name='clone_state_known'), models.UniqueConstraint(condition=models.Q(('state', 'closed'), _negated=True), fields=('plate_text', 'plate_colour'), name='one_clone_case_a_plate')],
            },
        ),
    ]
