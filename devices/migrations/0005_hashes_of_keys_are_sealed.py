"""The hash of a device's key, which gives a lock's release codes, no longer lies in the clear."""

from typing import Any

from django.db import migrations, models

from core import personal

BATCH = 1000


def seal(apps: Any, schema_editor: Any) -> None:
    credentials = apps.get_model("devices", "Credential").objects
    last = 0
    while rows := list(credentials.filter(pk__gt=last).order_by("pk")[:BATCH]):
        for row in rows:
            row.key_sealed = personal.seal(row.key_hash)
            row.key_digest = personal.digest(row.key_hash)
        credentials.bulk_update(rows, ["key_sealed", "key_digest"])
        last = rows[-1].pk


class Migration(migrations.Migration):
    dependencies = [("devices", "0004_wrong_clocks_are_corrected")]
    operations = [
        migrations.AddField(
            model_name="credential",
            name="key_sealed",
            field=models.TextField(default="", editable=False),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="credential",
            name="key_digest",
            field=models.CharField(editable=False, max_length=64, null=True),
        ),
        migrations.RunPython(seal),
        migrations.AlterField(
            model_name="credential",
            name="key_digest",
            field=models.CharField(editable=False, max_length=64, unique=True),
        ),
        migrations.RemoveField(model_name="credential", name="key_hash"),
    ]
