"""Empties a database of tests; in production it is refused.

Django's own `flush` meets the guards that keep the trail and the books from being emptied. Here
they are taken off and put back in the transaction that empties the tables.
"""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands.flush import Command as Flush
from django.db import connections, transaction

GUARDS = """
SELECT tgrelid::regclass::text, quote_ident(tgname) FROM pg_trigger
 WHERE NOT tgisinternal AND tgtype & 32 <> 0 AND tgenabled <> 'D'
"""  # bit 32: fires for TRUNCATE


class Command(Flush):
    help = "Empties a database of tests: all rows of all tables. Refused in production."

    def handle(self, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("The trail and the books are kept: flush is not for production.")
        using = options["database"]
        with transaction.atomic(using=using), connections[using].cursor() as cursor:
            cursor.execute(GUARDS)
            guards = cursor.fetchall()
            for table, guard in guards:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {guard}")
            super().handle(**options)
            for table, guard in guards:
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {guard}")
