"""A payment says what it covers and for which vehicle it was paid; those that are there as well."""

import django.db.models.expressions
from django.db import migrations, models

import core.fields

AHEAD = """
UPDATE parking_staypayment p SET ahead_until = d.covers_until
  FROM payments_orderitem i JOIN parking_prepayment d ON d.id = i.subject_id
 WHERE i.id = p.order_item_id AND i.payable = 'parking.prepayment' AND p.kind = 'ahead'
"""
VEHICLE = """
UPDATE parking_staypayment p SET plate_text = s.plate_text, plate_colour = s.plate_colour
  FROM parking_parkingsession s WHERE s.id = p.stay_id AND s.plate_state = 'settled'
"""


class Migration(migrations.Migration):

    dependencies = [
        ('parking', '0005_stays_as_others_read_them'),
        ('payments', '0004_rights_of_the_desk'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='staypayment',
            name='stay_payment_refund_within',
        ),
        migrations.AddField(
            model_name='staypayment',
            name='ahead_until',
            field=models.DateTimeField(blank=True, null=True, verbose_name='paid ahead until'),
        ),
        migrations.AddField(
            model_name='staypayment',
            name='is_part',
            field=models.BooleanField(default=False, verbose_name='a part of the fee'),
        ),
        migrations.AddField(
            model_name='staypayment',
            name='moved_fen',
            field=core.fields.MoneyField(default=0, verbose_name='moved to another stay'),
        ),
        migrations.AddField(
            model_name='staypayment',
            name='plate_colour',
            field=models.CharField(blank=True, max_length=16, verbose_name='plate colour'),
        ),
        migrations.AddField(
            model_name='staypayment',
            name='plate_text',
            field=models.CharField(blank=True, max_length=16, verbose_name='plate'),
        ),
        migrations.AddConstraint(
            model_name='staypayment',
            constraint=models.CheckConstraint(condition=models.Q(('amount_fen__gte', django.db.models.expressions.CombinedExpression(models.F('refunded_fen'), '+', models.F('moved_fen')))), name='stay_payment_refund_within'),
        ),
        migrations.RunSQL(AHEAD, migrations.RunSQL.noop),
        migrations.RunSQL(VEHICLE, migrations.RunSQL.noop),
    ]
