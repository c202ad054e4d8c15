"""A view of shown holdings of plates for the other rows' SQL."""

from django.db import migrations

VIEW = """
CREATE VIEW accounts_holding AS
SELECT user_id, plate_text, plate_colour, proven_at, ended_at
  FROM accounts_plateholding WHERE proven_at IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_rights_of_the_desk")]

    operations = [migrations.RunSQL(VIEW, "DROP VIEW accounts_holding")]
