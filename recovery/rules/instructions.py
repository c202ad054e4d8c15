"""Numbers and times of recovery orders."""

from datetime import date

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # nobody mistakes I, L, O or U
MOVE_WITHIN_S = 30 * 60
ALARM_AFTER = 2  # reminders; then it is an alarm


def order_code(day: date, chance: int) -> str:
    """`R260302` + 6 characters: what stands on the lock's sticker and in its commands."""
    letters = []
    for _place in range(6):
        chance, digit = divmod(chance, len(ALPHABET))
        letters.append(ALPHABET[digit])
    return f"R{day:%y%m%d}{''.join(letters)}"


def reminder_after_s(reminders: int) -> int:
    """Seconds until the next reminder: half an hour, an hour, then every four."""
    return (MOVE_WITHIN_S, 3600)[reminders] if reminders < 2 else 4 * 3600
