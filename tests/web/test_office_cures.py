"""What staff are asked to do, on a page: no command, and the page where it is done."""

from __future__ import annotations

import pytest
from support import staff
from support.website import Family, Running

from gateway import tasks
from gateway.roles import Role
from gateway.web.office import cures


@pytest.mark.parametrize(
    ("cure", "said"),
    [
        ("Ring them. The journal may say more.", "Ring them. The journal may say more."),
        (
            "Export the marks from the school system and import them: handbell marks import FILE",
            "Export the marks from the school system and import them.",
        ),
        (
            "Look for the child, then set its mark, or: handbell absence settle 5.",
            "Look for the child, then set its mark.",
        ),
        ("handbell absence show 5, then absence confirm or absence settle.", ""),
        (
            "Answer them another way; then conversation close 12 answered.",
            "Answer them another way.",
        ),
        ("Answer the questions of handbell import conflicts.", ""),
        ("Ask the family, and correct it. It is right? handbell contact confirm.", "Ask the family, and correct it."),
        ("handbell notice show x says why. When that is mended: handbell campaign resume x", ""),
        ("Mend that, or close the survey: handbell survey close.", "Mend that, or close the survey."),
        ("Agree another way with them. See handbell contact show.", "Agree another way with them."),
    ],
)
def test_a_cure_on_a_page_names_no_command(cure: str, said: str) -> None:
    assert cures.without_commands(cure) == said


async def test_a_task_leads_to_where_it_is_seen_to(running: Running, family: Family) -> None:
    gateway = running.gateway
    async with gateway.database.write() as session:
        for ask in (
            tasks.Ask("silent", f"contact:{family.mum}", "Nothing arrives.", "Ring. handbell contact show 1."),
            tasks.Ask("import.conflicts", "import", "2 questions wait.", "Answer them: handbell import conflicts."),
        ):
            await tasks.ask(session, ask, log=gateway.log, now=gateway.now())
    desk = await staff.desk(running, Role.OFFICE)
    page = (await desk.get("/settings/tasks")).text
    assert f'href="/families/{family.ana}"' in page
    assert 'href="/import/questions"' in page
    assert "handbell contact" not in page
    assert "handbell import" not in page
    assert ">To see to (2)</a>" in page, "counted in the menu"
    it = (await (await staff.desk(running, Role.IT)).get("/settings/tasks")).text
    assert "/families/" not in it, "IT sees no family"
    assert "/import/questions" not in it
