from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The wiring's own commands: demo, story, pictures."""

    name = "config"
