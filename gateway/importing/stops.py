"""When an import looks like a mistake: an export that is not whole, a column that slipped, another school's files.

Then nothing of it is written, until a person has looked at the diff and says that it may go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Limit:
    """``what`` says what it is. More than ``few``, and more than ``share`` of those on file before, are suspicious.

    So are, in a small school, at least ``some`` that are more than ``most`` of those on file.
    """

    what: str
    few: int = 20
    share: float = 1 / 3
    some: int = 5
    most: float = 0.8


#: A bar that is lifted by mistake may cost a child's safety, so few of them are many.
LIMITS: Final[Mapping[str, Limit]] = MappingProxyType(
    {
        "pupils_missing": Limit("pupils on roll are in none of these files"),
        "pupil_renamed": Limit("pupils have another name in these files"),
        "contact_renamed": Limit("contacts have another name in these files"),
        "links_gone": Limit("contacts of pupils are not in these files any more"),
        "points_gone": Limit("phones and mailboxes are not in these files any more"),
        "phones_gone": Limit("phones are not in these files any more"),
        "emails_gone": Limit("mailboxes are not in these files any more"),
        "phones_changed": Limit("contacts have another phone number in these files"),
        "memberships_gone": Limit("places in groups are not in these files any more"),
        "bars_lifted": Limit("bars (court orders, no contact) are lifted by these files", few=2, share=1 / 10),
    }
)

CURE = "Look at the diff and at the files. If it is all right, import again with --go-on."


def suspicious(name: str, count: int, *, of: int) -> str:
    """The sentence that stops an import, ``""`` when the number is nothing out of the ordinary."""
    limit = LIMITS[name]
    many = count > limit.few and count > of * limit.share
    nearly_all = count >= limit.some and count > of * limit.most
    return f"{count} of {of} {limit.what}." if many or nearly_all else ""
