"""The database refuses a state that its model does not know."""

from django.db import models


def known_states(name: str, *states: str) -> models.CheckConstraint:
    """A constraint that allows these states only."""
    return models.CheckConstraint(condition=models.Q(state__in=states), name=name)
