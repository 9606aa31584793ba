"""A parents' evening by the real daemon and pretend phones: texts, a call's keys, a mail's page, in two languages."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from support import processes
from support import school as people
from support.mornings import texts

from gateway.database import Database
from gateway.models import LineType, PointKind

LONDON = ZoneInfo("Europe/London")
MUM, POLE, DAD, MAIL = "+447700900701", "+447700900702", "+447700900703", "ewa@example.com"
LATE, WAITS = "+447700900704", "+447700900705"

EVENING = """
key = "evening"
kind = "event"
title = "Parents' evening"
purpose = "service"
template = "event_invitation"
media = ["sms", "email", "voice"]
[event]
starts = {starts:%Y-%m-%dT%H:%M:%S}
ends = {ends:%Y-%m-%dT%H:%M:%S}
place = "the hall"
keep_offer = "1h"
[[event.sessions]]
host = "Mrs Patel"
starts = {starts:%Y-%m-%dT%H:%M:%S}
ends = {ends:%Y-%m-%dT%H:%M:%S}
minutes = 10
[audience]
forms = ["3A"]
"""


async def family(
    database: Database,
    child: str,
    number: str = "",
    mail: str = "",
    language: str = "en",
    line_type: LineType = LineType.MOBILE,
) -> None:
    pupil = await people.pupil(database, child, form="3A", year="3")
    parent = await people.contact(database, f"Parent of {child}", written_language=language, spoken_language=language)
    await people.tie(database, pupil, parent, priority=1, parental_responsibility=True, lives_with=True)
    if number:
        await people.point(database, parent, number, line_type=line_type)
    if mail:
        await people.point(database, parent, mail, kind=PointKind.EMAIL, line_type=LineType.NONE)


async def mails(world: processes.World) -> list[dict[str, Any]]:
    boxes = (await world.look("mailboxes"))["mailboxes"]
    return [mail for box in boxes if box["address"] == MAIL for mail in box["mails"]]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_parents_evening(school: processes.School, world: processes.World) -> None:
    school.write_settings(world, extra="[sending]\npoll_s = 0.2\n")
    await school.handbell("migrate")
    database = Database(school.database_url)
    try:
        await play(school, world, database)
    finally:
        await database.close()
    assert "Nothing was changed" in await school.handbell("audit", "verify")


async def play(school: processes.School, world: processes.World, database: Database) -> None:
    starts = (datetime.now(LONDON) + timedelta(days=2)).replace(
        hour=15, minute=30, second=0, microsecond=0, tzinfo=None
    )
    await family(database, "Ana", MUM)
    await family(database, "Zofia", POLE, language="pl")
    await family(database, "Ben", mail=MAIL)
    for child, number in (("Cai", LATE), ("Dee", WAITS)):
        await family(database, child, number)
    await family(database, "Eli", DAD, line_type=LineType.LANDLINE)
    await world.do("script", number=DAD, calls="answer", press=["1", "5"])
    written = EVENING.format(starts=starts, ends=starts + timedelta(minutes=50))
    (school.folder / "evening.toml").write_text(written)
    await school.run()
    assert "is taken in" in await school.handbell("event", "invite", str(school.folder / "evening.toml"))

    async def asked() -> bool:
        return bool(all([await texts(world, one) for one in (MUM, POLE, LATE, WAITS)]) and await mails(world))

    await processes.until(asked, what="every family is asked", every=0.2)
    assert (
        "Reply 1 for 3:30pm, 2 for 3:40pm, 3 for 3:50pm, 4 for 4pm, 5 for 4:10pm or 6 for"
        in (await texts(world, MUM))[0]
    )
    polish = (await texts(world, POLE))[0]
    assert "1 – 15:30" in polish or "15:30" in polish
    await world.do("reply", number=MUM, text="1")
    await answered(world, MUM, "thank you, we have your answer: ")
    await world.do("reply", number=POLE, text="15:40 poprosimy, i tłumacza")
    await answered(world, POLE, "dziękujemy, mamy Państwa odpowiedź: ")
    await world.do("reply", number=LATE, text="1")  # it has gone
    await answered(world, LATE, "that time has just been taken")
    [again] = [text for text in await texts(world, LATE) if "just been taken" in text]
    assert "Reply 1 for 3:50pm, 2 for 4pm or 3 for no time suits me." in again
    await by_mail(world)
    await world.do("reply", number=WAITS, text="I can't make any, I work all day")
    await answered(world, WAITS, "We will ring you")
    await answered_by_key(school)
    shown = json.loads(await school.handbell("event", "show", "evening", "--json"))
    states = {one["children"].split()[0]: one["state"] for one in shown["guests"]}
    assert states == {
        "Ana": "coming",
        "Zofia": "coming",
        "Ben": "coming",
        "Cai": "invited",
        "Dee": "phone",
        "Eli": "coming",
    }
    assert shown["interpreters"] == {"Polish": ["Parent of Zofia Example"]}
    assert "Cai" in await school.handbell("event", "show", "evening", "--silent")
    assert "ring them" in await school.handbell("task", "list")
    await moved(school, world, starts)


async def answered(world: processes.World, number: str, words: str) -> None:
    async def said() -> bool:
        return any(words in text for text in await texts(world, number))

    await processes.until(said, what=f"{number} reads {words!r}", every=0.2)


async def answered_by_key(school: processes.School) -> None:
    """Whoever has a landline was rung, and pressed 5."""

    async def coming() -> bool:
        shown = json.loads(await school.handbell("event", "show", "evening", "--json"))
        pressed = [one["slot"]["starts_at"] for one in shown["guests"] if one["how"] == "call"]
        return [datetime.fromisoformat(one).astimezone(LONDON).strftime("%H:%M") for one in pressed] == ["16:10"]

    await processes.until(coming, what="the key is heard", every=0.3)


async def by_mail(world: processes.World) -> None:
    """A link checker looks, and nothing happens; the family presses the button."""
    [mail] = await mails(world)
    found = re.search(r"http://\S+/e/\d+/\d+/\d+/[0-9a-f]+", json.dumps(mail))
    assert found is not None, mail
    async with aiohttp.ClientSession() as browser:
        async with browser.get(found[0]) as page:
            text = await page.text()
        assert page.status == 200
        assert "checked" not in text
        [last] = re.findall(r'value="(slot \d+)"', text)[-1:]
        async with browser.post(found[0], data={"answer": last}) as page:
            assert "we have your answer" in await page.text()


async def moved(school: processes.School, world: processes.World, starts: datetime) -> None:
    """The reminder is at another time, the event at another place, and then it is cancelled."""
    later = starts + timedelta(hours=1)
    done = await school.handbell(
        "event", "change", "evening", "--starts", f"{later:%Y-%m-%d %H:%M}", "--place", "the gym"
    )
    assert "6 families are told now" in done
    await answered(world, MUM, "there is a change. Parents' evening: ")
    [change] = [text for text in await texts(world, MUM) if "there is a change" in text]
    assert "4:30pm, the gym." in change
    done = await school.handbell("event", "cancel", "evening", "--details", "It is going to snow.")
    assert "6 families are told now" in done
    await answered(world, POLE, "It is going to snow.")

    async def told_by_mail() -> bool:
        return any("cancel" in mail["subject"] for mail in await mails(world))

    await processes.until(told_by_mail, what="the mail says so too", every=0.2)
