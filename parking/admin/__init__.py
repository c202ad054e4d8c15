"""The operator's desk for this row: set up streets, look at stays, answer the review queue."""

from parking.admin import permits, places, reviews, stays, tariffs, told

__all__ = ["permits", "places", "reviews", "stays", "tariffs", "told"]
