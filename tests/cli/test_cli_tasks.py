"""``handbell task`` on a real database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.desk import NOW

from gateway import tasks
from gateway.database import Session

if TYPE_CHECKING:
    from conftest import Office


def ask(office: Office, kind: str, *, urgent: bool = False) -> None:
    async def job(session: Session) -> None:
        asked = tasks.Ask(kind, "sender:1", f"Something is wrong with the {kind}.", "Mend it.", urgent)
        await tasks.ask(session, asked, log=office.log, now=NOW)

    office.change(job)


def test_tasks_are_listed_and_done(office: Office) -> None:
    assert "There are none." in office.gives("task", "list")
    ask(office, "wording")
    ask(office, "wording")
    ask(office, "account", urgent=True)
    printed = office.gives("task", "list")
    assert printed.index("account") < printed.index("wording")
    assert "Mend it." in printed
    urgent, other = office.data("task", "list")
    assert (urgent["urgent"], other["urgent"], other["times"], other["open"]) == (True, False, 2, True)
    assert "is done" in office.gives("task", "done", str(other["id"]), "--as", "Mrs Okafor")
    assert [task["kind"] for task in office.data("task", "list")] == ["account"]
    everything = {task["kind"]: task for task in office.data("task", "list", "--all")}
    assert (everything["wording"]["done_by"], everything["wording"]["open"]) == ("Mrs Okafor", False)
    assert "done already, by Mrs Okafor" in office.refuses("task", "done", str(other["id"]), "--as", "Mr Reilly")
    assert "There is no task 999" in office.refuses("task", "done", "999")
