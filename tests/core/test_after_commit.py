"""After a commit the urgent is said first, and the same thing once."""

from dataclasses import dataclass

from django.db import transaction

from core import after_commit


@dataclass(frozen=True)
class Word:
    text: str
    said: list[str]

    def __call__(self) -> None:
        self.said.append(self.text)


def test_what_is_urgent_is_said_first_whenever_it_was_thought_of(transactional_db):
    said: list[str] = []
    with transaction.atomic():
        after_commit.once(Word("a page changed", said))
        with transaction.atomic():
            after_commit.first(Word("lower the lock", said))
        assert said == []
    assert said == ["lower the lock", "a page changed"]


def test_the_same_is_said_once(transactional_db):
    said: list[str] = []
    with transaction.atomic():
        for _again in range(3):
            after_commit.once(Word("a page changed", said))
        after_commit.once(Word("another page changed", said))
    assert said == ["a page changed", "another page changed"]


def test_what_is_rolled_back_says_nothing_and_silences_nobody(transactional_db):
    said: list[str] = []
    with transaction.atomic():
        try:
            with transaction.atomic():
                after_commit.once(Word("a page changed", said))
                after_commit.first(Word("raise the lock", said))
                raise ValueError
        except ValueError:
            pass
        after_commit.once(Word("a page changed", said))
    assert said == ["a page changed"]

    with transaction.atomic():
        try:
            with transaction.atomic():
                after_commit.once(Word("never", said))
                raise ValueError
        except ValueError:
            pass
    assert said == ["a page changed"]


def test_outside_a_transaction_it_is_said_at_once(transactional_db):
    said: list[str] = []
    after_commit.first(Word("now", said))
    after_commit.once(Word("now too", said))
    assert said == ["now", "now too"]
