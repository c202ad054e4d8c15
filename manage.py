#!/usr/bin/env python3
"""Django's command line; `./bowei manage …` calls it with the servers running."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    from core import versions

    if sys.argv[1:2] and sys.argv[1] not in versions.UNASKED:
        versions.watch()
    execute_from_command_line(sys.argv)
