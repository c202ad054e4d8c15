"""What the models of money know: the names of providers."""

from django.db import models


def provider_named(name: str) -> models.CheckConstraint:
    """A constraint that asks for the form of a name; which providers there are, the code knows."""
    return models.CheckConstraint(
        condition=models.Q(provider__regex=r"^[a-z][a-z0-9]*$"), name=name
    )
