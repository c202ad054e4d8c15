from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("People and merchants")

    def ready(self) -> None:
        from accounts import entering  # noqa: F401  (hears who logs in)
