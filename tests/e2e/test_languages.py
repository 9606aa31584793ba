"""A family whose language nobody knows, by the real daemon and practice phones: asked, answered, called, played to."""

from __future__ import annotations

import io
import json
import wave
from pathlib import Path
from typing import Any

import aiohttp
from support import mornings, processes
from support import school as people

from gateway.database import Database

OFFICE = "+441134960001"
CLOSED = """
key = "{key}"
title = "Closed"
purpose = "service"
template = "closure"
media = ["{medium}"]
[values]
date = 2099-11-24
reason = {{ en = "the boiler has failed", ur = "بوائلر خراب ہے" }}
[audience]
whole_school = true
"""


async def heard(world: processes.World, number: str, *, calls: int) -> list[dict[str, Any]]:
    """What was heard in the latest of so many calls to a phone, once it is over."""
    found: list[dict[str, Any]] = []

    async def over() -> bool:
        [phone] = [one for one in (await world.look("phones"))["phones"] if one["number"] == number]
        ended = [one for one in phone["calls"] if one["status"] == "completed"]
        found[:] = ended[-1]["heard"] if len(ended) == calls else []
        return bool(found)

    await processes.until(over, what="the call is over", every=0.1)
    return found


def recording() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
        sound.writeframes(b"\0\1" * 800)
    return file.getvalue()


async def test_from_the_question_to_a_call_in_urdu(
    school: processes.School, world: processes.World, tmp_path: Path
) -> None:
    school.write_settings(world)
    await school.handbell("migrate")
    database, number = Database(school.database_url), people.number()
    mother = await people.contact(database, "Saima")
    await people.point(database, mother, number)
    child = await people.pupil(database, "Zainab", home_language="ur")
    await people.tie(database, child, mother, parental_responsibility=True, lives_with=True)
    await database.close()
    await school.run()

    async def send(key: str, medium: str) -> None:
        file = tmp_path / f"{key}.toml"
        file.write_text(CLOSED.format(key=key, medium=medium), "utf-8")
        await school.handbell("notice", "send", str(file))

    async def texts(count: int) -> list[str]:
        found: list[str] = []

        async def there() -> bool:
            found[:] = await mornings.texts(world, number)
            return len(found) >= count

        await processes.until(there, what=f"{count} texts have come", every=0.1)
        return found

    # 1. The first text is English; beside it she is asked, and answers.
    await send("first", "sms")
    [closed, question] = sorted(await texts(2), key=lambda text: "Reply 1" in text)
    assert closed.isascii()
    assert "اردو" in question
    await world.do("reply", number=number, text="2", to=OFFICE)
    assert "اردو" in (await texts(3))[-1]
    await send("second", "sms")
    assert "بوائلر خراب ہے" in (await texts(4))[-1]

    # 2. No machine voice speaks Urdu: English, and key 0 for a person, whom nobody answers for here.
    await world.do("script", number=number, calls="answer", press=["0"])
    await send("third", "voice")
    said = [part["text"] for part in await heard(world, number, calls=1)]
    assert "This message is in English. To speak to a person, press 0." in said
    assert any("Nobody in the office" in one or "The office is closed" in one for one in said)
    assert any("Tuesday the 24th of November" in one for one in said), "the message goes on"

    # 3. Somebody records every phrase, with the words of the day: the next call plays them.
    notice = tmp_path / "third.toml"
    lines = json.loads(await school.handbell("voice", "script", "Urdu", "--notice", str(notice), "--json"))
    files = [tmp_path / f"{line['code']}.wav" for line in lines]
    for file in files:
        file.write_bytes(recording())
    await school.handbell("voice", "import", "Urdu", *map(str, files), "--notice", str(notice), "--as", "Mrs Khan")
    await world.do("script", number=number, calls="answer", press=["1"])
    await send("fourth", "voice")
    parts = await heard(world, number, calls=2)
    played = [part["text"] for part in parts if part["kind"] == "play"]
    spoken = {part["text"] for part in parts if part["kind"] == "say"}
    assert len(played) > 10
    assert spoken == {"Oakfield Primary School", "For English, press 0."}, "names, and the way to English"
    assert all(url.startswith(f"{school.url}/media/voice/") for url in played)
    async with aiohttp.ClientSession() as session, session.get(played[0]) as answer:
        assert (answer.status, await answer.read()) == (200, recording())
    assert (await world.look("records"))["complaints"] == []
