"""Celery: slow work in processes of its own. It carries work, never truth."""

import logging
import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
logging.captureWarnings(True)  # a warning is a log line as any other

app = Celery("bowei")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.set_default()  # in every thread: of a web process, too
