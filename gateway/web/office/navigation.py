"""The menu: every page of the office, in its groups, as far as a role may see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.roles import Role
from gateway.web.office.rights import Right
from gateway.web.office.visitors import Visitor


@dataclass(frozen=True, slots=True)
class Item:
    """A page in the menu; ``about`` says on the page More what it is for."""

    key: str
    path: str
    label: str
    icon: str
    right: Right
    about: str


@dataclass(frozen=True, slots=True)
class Navigation:
    """The menu of one visitor: groups with their headings, the bar of a phone, and what the first button writes."""

    groups: Sequence[tuple[str, Sequence[Item]]]
    bar: Sequence[Item]
    foot: Sequence[Item]
    write: Item | None


TODAY: Final = Item("today", "/today", "Today", "sun", Right.SEE_TODAY, "Who is absent, who needs you")
MY_CLASS: Final = Item("today", "/today", "My class", "sun", Right.SEE_TODAY, "Who of your class is absent")
REPLIES: Final = Item(
    "replies", "/replies", "Replies", "message-square-reply", Right.SEE_REPLIES, "Parents waiting for an answer"
)
GOOD_NEWS: Final = Item(
    "good-news", "/good-news", "Good news", "star", Right.SEND_GOOD_NEWS, "Tell a family something good"
)
WRITE: Final = Item(
    "announcement-new", "/announcements/new", "Announce", "pen-line", Right.WRITE_ANNOUNCEMENTS, "Write to families"
)
MORE: Final = Item("menu", "/menu", "More", "ellipsis", Right.OWN, "")

_MAIN: Final = (
    TODAY,
    REPLIES,
    GOOD_NEWS,
    Item("announcements", "/announcements", "Announcements", "megaphone", Right.SEE_ANNOUNCEMENTS,
         "Write to many families"),
    Item("calendar", "/calendar", "Calendar", "calendar-days", Right.SEE_CALENDAR, "What goes out, and when"),
    Item("surveys", "/surveys", "Surveys", "list-checks", Right.SEE_REPORTS, "What families say, and what you did"),
    Item("emergency", "/emergency", "Emergency", "siren", Right.SEE_EMERGENCY, "Alarm families, see who has read it"),
)  # fmt: skip
_RECORDS: Final = (
    Item("families", "/families", "Families", "users", Right.SEE_FAMILIES, "People, numbers, history"),
    Item("contact-details", "/contact-details", "Contact details", "book-user", Right.SEE_DETAILS,
         "What is old, or has stopped working"),
    Item("wording", "/wording", "Wording", "languages", Right.SEE_WORDING, "Ready-made messages and translations"),
)  # fmt: skip
_BACK: Final = (
    Item("reports", "/reports", "Reports", "chart-no-axes-column", Right.SEE_REPORTS,
         "For the head, governors and inspectors"),
    Item("audit", "/audit", "Audit log", "scroll-text", Right.SEE_AUDIT, "Who did what, and when"),
    Item("practice", "/practice", "Practice phones", "smartphone", Right.PRACTISE, "Try things safely"),
)  # fmt: skip
_FOOT: Final = (
    Item("import", "/import", "Import", "upload", Right.IMPORT_PEOPLE, "Children and grown-ups from the school system"),
    Item("tasks", "/settings/tasks", "To see to", "flag", Right.SEE_TASKS, "What no machine may decide"),
    Item("data-protection", "/data-protection", "Data protection", "shield-check", Right.ANSWER_FOR_DATA,
         "What is held of people, and for how long"),
    Item("settings", "/settings", "Settings", "settings", Right.SEE_SETTINGS, "What the school has decided"),
    Item("staff", "/staff", "Staff", "user-check", Right.MANAGE_STAFF, "Who may sign in, and what they may do"),
)  # fmt: skip
_GROUPS: Final = (("", _MAIN), ("Families and messages", _RECORDS), ("Looking back", _BACK))


def of(visitor: Visitor, *, practice: bool = True) -> Navigation:
    """What a visitor sees of it. Practice phones are there only in practice mode."""
    groups = []
    for heading, items in _GROUPS:
        mine = [_named(item, visitor) for item in items if visitor.may(item.right)]
        mine = [item for item in mine if practice or item.key != "practice"]
        if mine:
            groups.append((heading, mine))
    bar = [_named(item, visitor) for item in (TODAY, REPLIES, GOOD_NEWS, WRITE) if visitor.may(item.right)]
    write = WRITE if visitor.may(WRITE.right) else None
    return Navigation(groups, [*bar, MORE], [item for item in _FOOT if visitor.may(item.right)], write)


def may_see(visitor: Visitor, key: str) -> bool:
    """Whether a page is in a visitor's menu."""
    return any(item.key == key and visitor.may(item.right) for _, items in _GROUPS for item in items)


def _named(item: Item, visitor: Visitor) -> Item:
    return MY_CLASS if item is TODAY and visitor.role is Role.TEACHER else item
