"""Texts are counted by phone where they leave, and what people answer is kept."""

from datetime import timedelta

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core import personal

WEEK = timedelta(days=7)  # what a person's budget looks back on


def count_the_last_week(apps, editor):
    """What left in the last week counts; what waits leaves with the next look."""
    messages = apps.get_model("accounts", "SmsMessage").objects
    last = messages.aggregate(last=models.Max("sent_at"))["last"]
    counted = models.Q(state="queued")
    if last is not None:
        counted |= models.Q(sent_at__gt=last - WEEK)
    for row in messages.filter(counted).iterator():
        digest = personal.digest(personal.unseal(row.phone_sealed))
        held = row.created_at if row.state == "queued" else None
        messages.filter(pk=row.pk).update(
            phone_digest=digest, left_at=row.sent_at, leaves_at=held
        )


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_shared_plates'),
    ]

    operations = [
        migrations.CreateModel(
            name='SmsReply',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.CharField(max_length=20, verbose_name='carried by')),
                ('provider_id', models.CharField(max_length=80)),
                ('phone_masked', models.CharField(max_length=20, verbose_name='phone')),
                ('text_sealed', models.TextField()),
                ('meaning', models.CharField(choices=[('stop', 'wants no messages'), ('not_mine', 'not my vehicle'), ('other', 'something else')], max_length=10, verbose_name='meaning')),
                ('received_at', models.DateTimeField(verbose_name='received')),
            ],
            options={
                'verbose_name': 'reply to a text message',
                'verbose_name_plural': 'replies to text messages',
            },
        ),
        migrations.AddField(
            model_name='smsmessage',
            name='leaves_at',
            field=models.DateTimeField(help_text="By night, or by the person's budget.", null=True, verbose_name='held until'),
        ),
        migrations.AddField(
            model_name='smsmessage',
            name='left_at',
            field=models.DateTimeField(help_text="From then on it counts in the person's budget.", null=True, verbose_name='let go'),
        ),
        migrations.AddField(
            model_name='smsmessage',
            name='phone_digest',
            field=models.CharField(blank=True, editable=False, max_length=64),
        ),
        migrations.RunPython(count_the_last_week, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name='smsmessage',
            index=models.Index(condition=models.Q(('left_at__isnull', False)), fields=['phone_digest', 'left_at'], name='sms_left'),
        ),
        migrations.AddIndex(
            model_name='smsmessage',
            index=models.Index(condition=models.Q(('state', 'queued')), fields=['leaves_at'], name='sms_held'),
        ),
        migrations.AddField(
            model_name='smsreply',
            name='answers',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='accounts.smsmessage', verbose_name='text message'),
        ),
        migrations.AddField(
            model_name='smsreply',
            name='user',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='person'),
        ),
        migrations.AddConstraint(
            model_name='smsreply',
            constraint=models.UniqueConstraint(fields=('provider', 'provider_id'), name='sms_reply_once'),
        ),
    ]
