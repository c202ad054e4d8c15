"""Which passwords are refused beside Django's common ones: who one is, and what we are called."""

import re
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.errors import Invalid

OURS = ("bowei", "泊位", "parking", "停车", "password", "密码", "admin", "operator")
SHORTEST_NAME = 4
REST = 8  # characters that must be left when such words are taken out


class OurWords:
    """Refuses a password that is little more than our words, or the person's name or phone."""

    def validate(self, password: str, user: Any = None) -> None:
        rest = password.casefold()
        for word in sorted({*OURS, *_own(user)}, key=len, reverse=True):
            rest = rest.replace(word.casefold(), "")
        rest = re.sub(r"(19|20)\d\d|[\W\d_]", "", rest) if rest != password.casefold() else rest
        if rest != password.casefold() and len(rest) < REST:
            raise ValidationError(self.get_help_text(), code="password_our_words")

    def get_help_text(self) -> str:
        return _("It must not be made of your name, your phone or the words of this service.")


def _own(user: Any) -> Iterator[str]:
    """What others know of this person."""
    if user is None:
        return
    names = (user.username, user.first_name, user.last_name, user.email, user.phone)
    for name in names:
        yield from (one for one in re.split(r"[\s@._-]+", name) if len(one) >= SHORTEST_NAME)
    if user.phone:
        yield user.phone[-4:]
    if user.pk:
        for post in user.memberships.select_related("merchant"):
            yield post.merchant.name
            yield post.merchant.code


def refuse_weak(password: str, user: Any = None) -> None:
    """Raises Invalid, which says all that is wrong with a password."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        said = " ".join(error.messages)
        raise Invalid("weak_password", said, fields={"password": said}) from error
