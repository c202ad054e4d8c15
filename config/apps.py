from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The wiring's own commands: demo, story, pictures."""

    name = "config"

    def ready(self) -> None:
        # Not in the package itself: `bowei` imports that before anything is installed.
        from config import celery  # noqa: F401  (tasks sent from here find the queue)
