"""Columns that point to a stay are called so; constraints and indexes follow their columns.

PostgreSQL renames a column with all that hangs on it, so only the names that Django keeps of
constraints and indexes are told anew: nothing is built again, no table is read or locked for long.
"""

from django.db import migrations, models

NAMED = ("imageorder", "inspectiontask", "prepayment", "reviewitem", "sighting")
OLD_INDEX, NEW_INDEX = "parking_pre_session_e2893f_idx", "parking_pre_stay_id_d6dc0f_idx"


class Migration(migrations.Migration):
    dependencies = [("parking", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint("imageorder", "image_order_once_a_camera"),
                migrations.RemoveConstraint("inspectiontask", "one_open_inspection_a_stay"),
                migrations.RemoveConstraint("reviewitem", "one_open_plate_review_a_stay"),
                migrations.RemoveConstraint("reviewitem", "one_open_review_a_stay"),
                migrations.RemoveIndex("prepayment", OLD_INDEX),
            ]
        ),
        *(migrations.RenameField(model, "session", "stay") for model in NAMED),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    f"ALTER INDEX {OLD_INDEX} RENAME TO {NEW_INDEX}",
                    f"ALTER INDEX {NEW_INDEX} RENAME TO {OLD_INDEX}",
                )
            ],
            state_operations=[
                migrations.AddIndex(
                    "prepayment", models.Index(fields=["stay", "state"], name=NEW_INDEX)
                ),
                migrations.AddConstraint(
                    "imageorder",
                    models.UniqueConstraint(
                        fields=("stay", "device"), name="image_order_once_a_camera"
                    ),
                ),
                migrations.AddConstraint(
                    "inspectiontask",
                    models.UniqueConstraint(
                        condition=models.Q(("state", "open")),
                        fields=("stay",),
                        name="one_open_inspection_a_stay",
                    ),
                ),
                migrations.AddConstraint(
                    "reviewitem",
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("kind", "plate"), ("sighting__isnull", True), ("state", "open")
                        ),
                        fields=("stay",),
                        name="one_open_plate_review_a_stay",
                    ),
                ),
                migrations.AddConstraint(
                    "reviewitem",
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "stay"), ("state", "open")),
                        fields=("stay",),
                        name="one_open_review_a_stay",
                    ),
                ),
            ],
        ),
    ]
