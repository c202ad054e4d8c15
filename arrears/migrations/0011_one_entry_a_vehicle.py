"""A plate without a colour has no entry beside the one vehicle that is known with its text."""

from collections import defaultdict

from django.db import migrations
from django.utils import timezone

NEW_ENERGY = {"green", "yellow_green"}


def merge(apps, schema_editor):
    """The entry without a colour joins the other one, which is weighed anew within a second."""
    entries = apps.get_model("arrears", "BlacklistEntry").objects.exclude(state="gone")
    notices = apps.get_model("arrears", "RecoveryNotice").objects
    texts = defaultdict(list)
    bare = entries.filter(plate_colour="").values_list("plate_text", flat=True)
    for entry in entries.filter(plate_text__in=list(bare)).order_by("pk"):
        texts[entry.plate_text].append(entry)
    now = timezone.now()
    for found in texts.values():
        coloured = [one for one in found if one.plate_colour]
        vehicles = {"new energy" if one.plate_colour in NEW_ENERGY else one.plate_colour
                    for one in coloured}  # fmt: skip
        if len(vehicles) != 1:
            continue
        kept, *doubles = [*coloured, *(one for one in found if not one.plate_colour)]
        ids = [one.pk for one in doubles]
        notices.filter(entry_id__in=ids).update(entry_id=kept.pk)
        entries.filter(pk__in=ids).update(state="gone", gone_at=now, amount_fen=0)
        entries.filter(pk=kept.pk).update(state="pending", due_at=now)


class Migration(migrations.Migration):
    dependencies = [("arrears", "0010_exempt_vehicles")]

    operations = [migrations.RunPython(merge, migrations.RunPython.noop)]
