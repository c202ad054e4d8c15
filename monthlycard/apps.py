from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MonthlycardConfig(AppConfig):
    name = "monthlycard"
    verbose_name = _("Monthly cards")
