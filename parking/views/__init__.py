"""Pages of this row: for owners of vehicles, and for merchants."""
