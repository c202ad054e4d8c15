"""What waits for a person says since when; attempts their account, items where money moved."""

import django.db.models.deletion
from django.db import migrations, models

import core.fields


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_holdings_as_others_read_them'),
        ('payments', '0004_rights_of_the_desk'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='attempt',
            options={'permissions': [('query_attempt', 'ask the provider about a payment'), ('accept_attempt', 'take a payment of another amount')], 'verbose_name': 'attempt', 'verbose_name_plural': 'attempts to pay'},
        ),
        migrations.RemoveConstraint(
            model_name='orderitem',
            name='order_item_once',
        ),
        migrations.AddField(
            model_name='attempt',
            name='account',
            field=models.CharField(blank=True, max_length=64, verbose_name='account'),
        ),
        migrations.AddField(
            model_name='attempt',
            name='person_since',
            field=models.DateTimeField(null=True, verbose_name='waits for a person since'),
        ),
        migrations.AddField(
            model_name='attempt',
            name='reported_fen',
            field=core.fields.MoneyField(null=True, verbose_name='amount as reported'),
        ),
        migrations.AddField(
            model_name='notification',
            name='person_since',
            field=models.DateTimeField(null=True, verbose_name='waits for a person since'),
        ),
        migrations.AddField(
            model_name='orderitem',
            name='is_part',
            field=models.BooleanField(default=False, verbose_name='a part of what was due'),
        ),
        migrations.AddField(
            model_name='orderitem',
            name='moved_from',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='moved_to', to='payments.orderitem', verbose_name='moved from'),
        ),
        migrations.AddField(
            model_name='refund',
            name='counter',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.merchant', verbose_name='counter'),
        ),
        migrations.AddField(
            model_name='refund',
            name='person_since',
            field=models.DateTimeField(null=True, verbose_name='waits for a person since'),
        ),
        migrations.AlterField(
            model_name='ledgertransfer',
            name='recorded_at',
            field=models.DateTimeField(verbose_name='recorded'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('person_since__isnull', False)), fields=['person_since'], name='attempt_waits_for_person'),
        ),
        migrations.AddIndex(
            model_name='notification',
            index=models.Index(condition=models.Q(('person_since__isnull', False)), fields=['person_since'], name='notice_waits_for_person'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(condition=models.Q(('person_since__isnull', False)), fields=['person_since'], name='refund_waits_for_person'),
        ),
        migrations.AddConstraint(
            model_name='orderitem',
            constraint=models.UniqueConstraint(condition=models.Q(('moved_from', None)), fields=('order', 'payable', 'subject_id'), name='order_item_once'),
        ),
    ]
