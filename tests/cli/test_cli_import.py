"""``handbell import``: the diff first, a dry run that leaves nothing, undo, and questions answered by one command."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlmodel import SQLModel

if TYPE_CHECKING:
    from conftest import Office

ENVIRONMENT = {
    "HANDBELL_TWILIO__AUTH_TOKEN": "0" * 32,
    "HANDBELL_AUDIT__KEY": "b1946ac92492d2347c6235b4d2611184",
    "HANDBELL_CONFIG": "",
    "NO_COLOR": "1",
}
HEAD = (
    "Pupil ID,Student Forename,Student Surname,Reg,Contact ID,Contact Forename,Contact Surname,Mobile,"
    "Written Language,Court Order\n"
)
FIRST = (
    "1,Kai,Shaw,5A,C1,Emma,Shaw,07700 900101,Polish,No\n"
    "1,Kai,Shaw,5A,C2,Lee,Shaw,07700 900102,,Yes\n"
    "2,Isla,Hirst,5A,C3,Ana,Hirst,07700 900103,,No\n"
)


def tables(office: Office) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""

    async def read(database: Any) -> dict[str, list[tuple[Any, ...]]]:
        async with database.read() as session:
            return {
                name: sorted(tuple(map(str, row)) for row in await session.execute(sa.select(table)))
                for name, table in SQLModel.metadata.tables.items()
            }

    return office.do(read)


def test_a_dry_run_leaves_no_trace(office: Office) -> None:
    file = office.write("all.csv", HEAD + FIRST)
    before = tables(office)
    said = office.gives("import", "--dry-run", file)
    assert "Pupils: 2 new" in said
    assert "new: Kai Shaw (1)" in said
    assert tables(office) == before
    office.gives("import", file)
    before = tables(office)
    later = office.write("all.csv", HEAD + FIRST.replace("5A", "6A").replace("900103", "900113").replace("Yes", "No"))
    found = office.data("import", "--dry-run", later)
    assert tables(office) == before
    assert found["counts"]["pupils"] == {"new": 0, "changed": 2, "same": 0, "gone": 0}
    assert found["fields"]["pupil"] == {"form": 2}
    assert {(change["kind"], change["how"]) for change in found["changes"]} == {
        ("pupils", "changed"), ("links", "changed"), ("points", "new"), ("points", "gone"),
    }  # fmt: skip
    assert found["changes"][0]["fields"] == {"form": {"before": "5A", "after": "6A"}}
    assert "900113" not in str(found)


def test_a_mass_change_ends_with_a_sentence_and_a_task(office: Office) -> None:
    rows = "".join(f"{n},Kai,Shaw,5A,C{n},Emma,Shaw,07700 900{n + 100},,\n" for n in range(40))
    office.gives("import", office.write("all.csv", HEAD + rows))
    half = office.write("all.csv", HEAD + "".join(rows.splitlines(keepends=True)[:15]))
    before = tables(office)
    result = office.type("import", "--dry-run", half)
    assert result.exit_code == 1
    assert tables(office) == before
    sentence = office.refuses("import", half)
    assert "25 of 40 pupils on roll are in none of these files. Nothing was written." in sentence
    after = tables(office)
    assert {name for name in before if before[name] != after[name]} == {"task", "audit", "audit_end"}
    assert "--go-on" in sentence
    assert "25 (" in office.gives("import", "--go-on", half)


def test_imports_are_listed_and_undone(office: Office) -> None:
    office.gives("import", office.write("all.csv", HEAD + FIRST), "--source", "sims", "--as", "Mrs Okafor")
    (listed,) = office.data("import", "list")
    assert (listed["source"], listed["by"], listed["undone_at"]) == ("sims", "Mrs Okafor", None)
    assert listed["counts"]["contacts"]["new"] == 3
    assert [Path(one["file"]).name for one in listed["files"]] == ["all.csv"]
    assert "11 new" in " ".join(office.gives("import", "list").split())
    said = office.gives("import", "undo", str(listed["id"]), "--as", "Mr Reilly")
    assert f"Import {listed['id']} was undone" in said
    assert tables(office)["pupil"] == []
    assert office.data("import", "list")[0]["undone_by"] == "Mr Reilly"
    assert "undone already" in office.refuses("import", "undo", str(listed["id"]))
    assert "name it" in office.refuses("import", "undo")


def test_the_office_decides_and_answers(office: Office) -> None:
    office.gives("import", office.write("all.csv", HEAD + FIRST))
    people = {row["name"]: row["id"] for row in office.data("contact", "list")}
    emma, lee = str(people["Emma Shaw"]), str(people["Lee Shaw"])
    point = office.data("contact", "show", emma)["ways"][0]["id"]
    assert "Confirmed" in office.gives("contact", "confirm", str(point))
    office.gives("contact", "language", emma, "--reads", "Ukrainian", "--as", "Mrs Okafor")
    assert "is not a language" in office.refuses("contact", "language", emma, "--reads", "Klingon")
    assert "Say which" in office.refuses("contact", "language", emma)
    office.gives("contact", "lift", lee, "1")
    assert office.data("contact", "show", lee)["children"][0]["barred"] == ""
    office.gives("contact", "bar", emma, "1", "--from", "01/09/2020", "--until", "01/09/2099")
    assert office.data("contact", "show", emma)["children"][0]["barred"]
    assert "not a date" in office.refuses("contact", "bar", emma, "1", "--from", "soon")
    backwards = office.refuses("contact", "bar", emma, "1", "--from", "2.9.2026", "--until", "1.9.2026")
    assert "would end before it begins" in backwards
    assert "no contact of a pupil 99" in office.refuses("contact", "lift", emma, "99")
    assert "no phone or mailbox" in office.refuses("contact", "confirm", "999")

    later = FIRST.replace("900101", "900111")
    said = office.gives("import", office.write("all.csv", HEAD + later), "--source", "sims")
    assert "Answer it: handbell import conflicts." in said
    waiting = {row["field"]: row for row in office.data("import", "conflicts") if row["subject"] != f"tie:{lee}"}
    assert {row["field"] for row in waiting.values()} == {"written_language", "on file", "no_contact"}
    assert waiting["written_language"]["source"] == "sims"
    assert "…101" in office.gives("import", "conflicts")
    assert office.data("contact", "show", lee)["children"][0]["barred"]
    office.gives("import", "answer", str(waiting["written_language"]["id"]), "theirs")
    assert office.data("contact", "show", emma)["contact"]["reads"] == "pl"
    assert "settled already" in office.refuses("import", "answer", str(waiting["written_language"]["id"]), "ours")
    assert "no conflict" in office.refuses("import", "answer", "x", "ours")
    assert "0 conflicts answered" in office.gives("import", "answer", "all", "ours", "--source", "other")
    assert "3 conflicts answered: ours" in office.gives("import", "answer", "all", "ours", "--source", "sims")
    assert office.data("import", "conflicts") == []
    assert office.data("contact", "show", lee)["children"][0]["barred"] == ""
    actions = {row["action"] for row in office.data("audit", "show", "--limit", "50")}
    assert {"point.confirmed", "contact.languages_chosen", "tie.barred", "tie.bar_lifted", "import.answered"} <= actions


def test_a_person_at_a_terminal_is_asked_before_anything_is_written(small_office: Office) -> None:
    file = small_office.write("all.csv", HEAD + FIRST)
    before = tables(small_office)
    code, said = at_terminal(small_office, "n", file)
    assert code == 1
    assert said.index("Pupils: 2 new") < said.index("Take this over?") < said.index("Nothing was written.")
    assert tables(small_office) == before
    code, said = at_terminal(small_office, "y", file)
    assert code == 0
    assert len(tables(small_office)["pupil"]) == 2
    assert "Take this over?" not in at_terminal(small_office, "", file)[1]  # nothing differs


def at_terminal(office: Office, answer: str, file: str) -> tuple[int, str]:
    """Run the import in a terminal of its own, and type one line."""
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "gateway.cli", "--config", str(office.settings), "import", file]
    with subprocess.Popen(command, stdin=end, stdout=end, stderr=end, env=os.environ | ENVIRONMENT) as process:
        os.close(end)
        os.write(terminal, f"{answer}\n".encode())
        said = b""
        try:
            while some := os.read(terminal, 4096):
                said += some
        except OSError:  # the other end is closed
            pass
        code = process.wait(timeout=60)
    os.close(terminal)
    return code, said.decode()
