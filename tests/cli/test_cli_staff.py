"""``handbell staff`` on a real database: who may come in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway import audit
from gateway.accounts import staff
from gateway.accounts.means import Means
from gateway.database import Session

if TYPE_CHECKING:
    from conftest import Office

LINK = re.compile(r"http://127\.0\.0\.1:8080/(first-run|new-password)/[\w-]{43}")


def kind_of(printed: str) -> str:
    found = LINK.search(printed)
    assert found, printed
    return found[1]


def test_people_are_let_in_changed_and_shown_out(office: Office) -> None:
    assert kind_of(office.gives("staff", "link")) == "first-run"
    head = ("staff", "add", "Mrs Head", "head@school.example", "--role", "head")
    assert kind_of(office.gives(*head, "--as", "Mr Reilly")) == "new-password"
    assert "has this email, or had it once" in office.refuses(*head)
    assert "Say whose link it is to be" in office.refuses("staff", "link")
    office.gives("staff", "add", "Ms Green", "a.green@school.example", "--role", "office")
    assert kind_of(office.gives("staff", "link", "A.Green@school.example")) == "new-password"
    assert kind_of(office.gives("staff", "link", "ms green", "--no-codes")) == "new-password"
    assert "Nobody is called" in office.refuses("staff", "link", "Mr Nobody")
    assert "is teacher now" in office.gives("staff", "role", "Ms Green", "teacher")
    assert "Nobody is in form “3A”" in office.refuses("staff", "role", "Ms Green", "teacher", "--form", "3A")
    assert "0 sign-ins ended" in office.gives("staff", "end-sessions", "Ms Green")
    assert "may not come in any more" in office.gives("staff", "disable", "Ms Green")
    assert "may not come in" in office.refuses("staff", "link", "Ms Green")
    first, second = office.data("staff", "list")
    assert (first["name"], first["role"], first["disabled_at"]) == ("Mrs Head", "head", None)
    assert (second["role"], second["forms"], bool(second["disabled_at"])) == ("teacher", [], True)
    assert not {"password", "secret"} & set(first)
    printed = office.gives("staff", "list")
    assert "Mrs Head" in printed
    assert "may not come in" in printed

    async def added(session: Session) -> list[str]:
        return [line.actor for line in await audit.lines_about(session, action="staff.added")]

    assert "Mr Reilly" in office.change(added)


def test_the_last_one_who_can_let_others_in_stays(small_office: Office) -> None:
    small_office.gives("staff", "add", "Mrs Head", "head@school.example", "--role", "head")

    async def chooses(session: Session) -> None:
        found = await staff.find(session, "Mrs Head")
        await staff.set_password(session, found, "hash", means=Means(small_office.log, found.created_at))

    small_office.change(chooses)
    assert "the last one who can let others in" in small_office.refuses("staff", "disable", "Mrs Head")
    assert "the last one who can let others in" in small_office.refuses("staff", "role", "Mrs Head", "office")


def test_nobody_at_the_keyboard_signs_as_an_account(small_office: Office) -> None:
    for name in ("office:Mrs Head", " API:timetable"):
        refused = small_office.type("notice", "approve", "fair", "--as", name)
        assert refused.exit_code == 2
        assert "how accounts and tokens sign" in refused.output
