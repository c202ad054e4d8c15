"""Each reason to ask about a stay is a question of its own, and every question says whose stay."""

from django.db import migrations, models

SAY_THE_STAY = """
UPDATE parking_reviewitem r SET stay_id = s.stay_id FROM parking_sighting s
 WHERE s.id = r.sighting_id AND r.stay_id IS NULL AND s.stay_id IS NOT NULL AND r.state = 'open'
"""
ASK_ABOUT_DOUBTS = """
INSERT INTO parking_reviewitem
       (state, kind, why, merchant_id, stay_id, opened_at, verdict, plate_text, plate_colour,
        settled_by)
SELECT 'open', 'stay', s.doubt, s.merchant_id, s.id, now(), '', '', '', ''
  FROM parking_parkingsession s
 WHERE s.doubtful AND s.doubt <> '' AND s.state IN ('parked', 'due') AND NOT s.simulated
   AND NOT EXISTS (SELECT 1 FROM parking_reviewitem r
                    WHERE r.stay_id = s.id AND r.kind = 'stay' AND r.why = s.doubt
                      AND r.state = 'open')
"""
RENAMED = {
    "parking.plate_doubted": "parking.stay_questioned",
    "parking.doubt_over": "parking.question_over",
}
REACTIONS = {
    "arrears.reactions.plate_doubted": "arrears.reactions.hold",
    "arrears.reactions.doubt_over": "arrears.reactions.resume",
}


def rename_events(apps, schema_editor):
    for was, now in RENAMED.items():
        apps.get_model("core", "OutboxEvent").objects.filter(topic=was).update(topic=now)
    for was, now in REACTIONS.items():
        apps.get_model("core", "OutboxDelivery").objects.filter(reaction=was).update(reaction=now)


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0004_rights_of_the_desk"),
        ("accounts", "0004_holdings_as_others_read_them"),
        ("parking", "0006_payments_know_what_they_cover"),
    ]

    operations = [
        migrations.RunSQL([SAY_THE_STAY], migrations.RunSQL.noop),
        migrations.RunPython(rename_events, migrations.RunPython.noop),
        migrations.RemoveConstraint(model_name="reviewitem", name="one_open_review_a_stay"),
        migrations.AddConstraint(
            model_name="reviewitem",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "stay"), ("state", "open")),
                fields=("stay", "why"),
                name="one_open_review_a_stay_and_reason",
            ),
        ),
        migrations.RunSQL([ASK_ABOUT_DOUBTS], migrations.RunSQL.noop),
    ]
