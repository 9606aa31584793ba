"""How deeds are signed: ``office:Mrs Okafor`` by an account, ``api:timetable`` by a program, or a name at the keyboard.

The second pair of eyes is told from the first by this.
"""

from __future__ import annotations

from typing import Final

ACCOUNT: Final = "office:"
PROGRAM: Final = "api:"


def of_account(name: str) -> str:
    """How an account signs."""
    return f"{ACCOUNT}{name}"


def objection(approver: str, author: str) -> str:
    """Why an approver is no second person for what an author has asked for; ``""`` where they are one.

    What a person asked for with their account needs a person: their own token would approve it for them. A name that
    is given at the keyboard is taken for the account of that name.
    """
    if author.startswith(ACCOUNT) and approver.startswith(PROGRAM):
        return "a program is no second person: somebody else signs in and approves it."
    if is_same(approver, author):
        return "somebody else must approve it."
    return ""


def is_same(one: str, other: str) -> bool:
    """Whether one person signs so and so."""
    return _person(one) == _person(other)


def _person(signature: str) -> str:
    return " ".join(signature.removeprefix(ACCOUNT).split()).casefold()
