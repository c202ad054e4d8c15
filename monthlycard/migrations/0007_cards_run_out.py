"""No card is without what it was bought by; one whose time is over has run out."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('monthlycard', '0006_cards_keep_what_was_bought'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='card',
            name='card_state_known',
        ),
        migrations.AlterField(
            model_name='card',
            name='terms',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cards', to='monthlycard.planversion', verbose_name='as it was bought'),
        ),
        migrations.AddIndex(
            model_name='card',
            index=models.Index(condition=models.Q(('state__in', ['active', 'suspended'])), fields=['expires_at'], name='card_expires'),
        ),
        migrations.AddConstraint(
            model_name='card',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['applied', 'verified', 'active', 'suspended', 'expired', 'ended', 'refused'])), name='card_state_known'),
        ),
    ]
