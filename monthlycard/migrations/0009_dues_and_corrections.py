"""What a card does not cover is a due with a time to pay; visits leave statements by lines."""

from datetime import timedelta

import django.db.models.deletion
from django.db import migrations, models
from django.utils import timezone

import core.fields


def begin_their_time(apps, schema_editor):
    """What is still due was asked of nobody yet: its time to pay begins now, and its owner hears."""
    Deduction = apps.get_model("monthlycard", "Deduction")
    due = Deduction.objects.filter(due_fen__gt=0)
    due.filter(paid_at__isnull=False).update(state="paid")
    now = timezone.now()
    pay_by = now + timedelta(hours=72)
    due.filter(paid_at=None).update(state="due", due_since=now, pay_by=pay_by)


class Migration(migrations.Migration):

    dependencies = [
        ('monthlycard', '0008_passes_by_plate'),
    ]

    operations = [
        migrations.CreateModel(
            name='CardObjection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('visits', models.JSONField(default=list, verbose_name='visits')),
                ('reason', models.CharField(choices=[('not_me', 'my vehicle was not there'), ('time', 'the times are wrong'), ('amount', 'the amount is wrong'), ('other', 'something else')], max_length=8, verbose_name='reason')),
                ('text', models.TextField(blank=True, max_length=2000, verbose_name="in the owner's words")),
                ('state', models.CharField(default='open', max_length=16, verbose_name='state')),
                ('answer', models.TextField(blank=True, max_length=2000, verbose_name='answer')),
                ('opened_at', models.DateTimeField(verbose_name='opened')),
                ('answer_by', models.DateTimeField(verbose_name='answer by')),
                ('decided_at', models.DateTimeField(null=True, verbose_name='decided')),
            ],
            options={
                'verbose_name': 'objection about a card',
                'verbose_name_plural': 'objections about cards',
                'permissions': [('decide_cardobjection', 'decide an objection about a card')],
            },
        ),
        migrations.CreateModel(
            name='StatementCorrection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('visit', models.CharField(max_length=130, verbose_name='visit')),
                ('out', models.BooleanField(verbose_name='taken out')),
                ('fee_fen', core.fields.MoneyField(signed=True, verbose_name='fee')),
                ('by', models.CharField(max_length=80, verbose_name='by')),
                ('why', models.CharField(max_length=300, verbose_name='why')),
                ('made_at', models.DateTimeField(verbose_name='made')),
            ],
            options={
                'verbose_name': 'correcting line',
                'verbose_name_plural': 'correcting lines',
            },
        ),
        migrations.AlterModelOptions(
            name='statementitem',
            options={'permissions': [('correct_statementitem', 'take a visit out of a statement, or back')], 'verbose_name': 'visit on a statement', 'verbose_name_plural': 'visits on statements'},
        ),
        migrations.AddField(
            model_name='deduction',
            name='due_since',
            field=models.DateTimeField(null=True, verbose_name='due since'),
        ),
        migrations.AddField(
            model_name='deduction',
            name='pay_by',
            field=models.DateTimeField(null=True, verbose_name='pay by'),
        ),
        migrations.AddField(
            model_name='deduction',
            name='state',
            field=models.CharField(default='covered', max_length=16, verbose_name='state'),
        ),
        migrations.AddField(
            model_name='deduction',
            name='taken',
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name='deduction',
            name='told_at',
            field=models.DateTimeField(null=True, verbose_name='owner told'),
        ),
        migrations.AlterField(
            model_name='statementitem',
            name='entry_at',
            field=models.DateTimeField(verbose_name='entry'),
        ),
        migrations.AlterField(
            model_name='statementitem',
            name='exit_at',
            field=models.DateTimeField(verbose_name='exit'),
        ),
        migrations.AlterField(
            model_name='statementitem',
            name='statement',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='items', to='monthlycard.statement', verbose_name='statement'),
        ),
        migrations.AlterField(
            model_name='statementitem',
            name='visit',
            field=models.CharField(max_length=130, verbose_name='visit'),
        ),
        migrations.AddIndex(
            model_name='deduction',
            index=models.Index(condition=models.Q(('state', 'due')), fields=['pay_by'], name='deduction_due'),
        ),
        migrations.AddConstraint(
            model_name='deduction',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['covered', 'due', 'overdue', 'disputed', 'paid', 'dropped'])), name='deduction_state_known'),
        ),
        migrations.AddField(
            model_name='cardobjection',
            name='card',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='objections', to='monthlycard.card', verbose_name='card'),
        ),
        migrations.AddField(
            model_name='cardobjection',
            name='deduction',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='objections', to='monthlycard.deduction', verbose_name='deduction'),
        ),
        migrations.AddField(
            model_name='cardobjection',
            name='lot',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='monthlycard.lotsystem', verbose_name='lot'),
        ),
        migrations.AddField(
            model_name='statementcorrection',
            name='statement',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='corrections', to='monthlycard.statement'),
        ),
        migrations.AddConstraint(
            model_name='cardobjection',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['open', 'upheld', 'rejected'])), name='card_objection_state_known'),
        ),
        migrations.AddConstraint(
            model_name='cardobjection',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'open')), fields=('card', 'lot', 'deduction'), name='one_open_objection_about_a_card', nulls_distinct=False),
        ),
        migrations.RunPython(begin_their_time, migrations.RunPython.noop),
    ]
