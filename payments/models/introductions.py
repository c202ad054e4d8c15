"""Asking a provider's app whom it pays for."""

from django.db import models


class Introduction(models.Model):
    """The app was asked whom it pays for: for one order, in one browser, to be answered once.

    Who that is stands nowhere: it is handed on to the provider and forgotten.
    """

    order = models.ForeignKey("payments.Order", models.CASCADE, related_name="+")
    provider = models.CharField(max_length=16)
    account = models.CharField(max_length=64, blank=True)  # of ours, which has asked
    state = models.CharField(max_length=64, unique=True)  # digest of what the answer must repeat
    browser = models.CharField(max_length=64)  # digest of the one that was sent there
    asked_at = models.DateTimeField()  # real time
    answered_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.provider} {self.order_id}"
