"""A view of stays for the other rows' SQL: their columns stay, however the tables change."""

from django.db import migrations

VIEW = """
CREATE VIEW parking_stay AS
SELECT s.id, s.merchant_id, s.section_id, s.berth_id, s.plate_text, s.plate_colour, s.plate_at,
       s.arrived_at, s.left_at, s.settled_at, s.fee_fen, s.due_fen, s.simulated, c.pay_window_s,
       s.state = 'due' AND s.due_fen > 0 AS is_due,
       s.plate_state = 'settled' AS is_identified,
       s.plate_state = 'settled' AND s.state IN ('due', 'settled') AND s.fee_fen > 0
           AND s.left_at IS NOT NULL AS is_billed
  FROM parking_parkingsession s JOIN parking_section c ON c.id = s.section_id
"""


class Migration(migrations.Migration):
    dependencies = [("parking", "0004_rights_of_the_desk")]

    operations = [migrations.RunSQL(VIEW, "DROP VIEW parking_stay")]
