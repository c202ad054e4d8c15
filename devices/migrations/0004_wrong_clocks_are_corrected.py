"""A message keeps when it was taken for, where its clock was wrong, and who admitted it."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('devices', '0003_rights_of_the_desk'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='devicemessage',
            options={'permissions': [('admit_devicemessage', 'admit a message that was refused')], 'verbose_name': 'device message', 'verbose_name_plural': 'device messages'},
        ),
        migrations.AddField(
            model_name='devicemessage',
            name='admitted_at',
            field=models.DateTimeField(null=True, verbose_name='admitted'),
        ),
        migrations.AddField(
            model_name='devicemessage',
            name='admitted_by',
            field=models.CharField(blank=True, max_length=80, verbose_name='admitted by'),
        ),
        migrations.AddField(
            model_name='devicemessage',
            name='corrected_at',
            field=models.DateTimeField(null=True, verbose_name='taken for'),
        ),
    ]
