"""Parents ring the school: the real daemon answers, by keys and by voice, and the morning knows what they said."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support import mornings as morning
from support import processes

from gateway.database import Database
from gateway.models import AbsenceReason, Reply, VoiceMessage
from gateway.practice import school as practice

SCHOOL = "+441134960002"
EVERY_DAY = """
[absence]
enabled = true
safeguarding_lead = "Mrs Okafor"
calendar = "{folder}/calendar.toml"
[phone_line]
enabled = true
[sending]
poll_s = 0.2
lease_s = 3
in_doubt_grace_s = 1
"""


async def heard(world: processes.World, sid: str) -> list[tuple[str, str]]:
    """What a caller heard, once the call is over: languages and words."""

    async def over() -> Any:
        for phone in (await world.look("phones"))["phones"]:
            for call in phone["calls"]:
                if call["sid"] == sid and call["status"] not in ("ringing", "in-progress"):
                    return call
        return None

    call: dict[str, Any] = {}

    async def ended() -> bool:
        call.update(await over() or {})
        return bool(call)

    await processes.until(ended, what="the call is over", every=0.05)
    return [(part["language"], part["text"]) for part in call["heard"]]


@pytest.mark.timeout(300)
async def test_a_parent_rings(
    school: processes.School, world: processes.World, practice_school: practice.Summary, tmp_path: Path
) -> None:
    (tmp_path / "calendar.toml").write_text(morning.CALENDAR)
    school.write_settings(world, extra=EVERY_DAY.format(folder=tmp_path))
    school.env |= morning.PATIENCE
    await school.handbell("migrate")
    await school.handbell("import", *[str(file) for file in practice_school.files])
    await world.do("settings", inbound_voice_url=f"{school.url}/hooks/twilio-line/call")
    database = Database(school.database_url)
    try:
        families = await morning.families(database)
        await school.run()
        polish = next(one for one in families if one.language == "pl")
        silent = next(one for one in families if one.language in ("", "en"))
        await report(world, database, polish)
        await sweep(school, world, practice_school, [polish, silent])
        await speak(school, world, database, silent, tmp_path)
    finally:
        await database.close()
    assert (await world.look("records"))["complaints"] == []
    assert "Nothing was changed" in await school.handbell("audit", "verify")


async def report(world: processes.World, database: Database, family: morning.Family) -> None:
    """A Polish greeting; 1 an absence, 1 the child, 1 ill, 2 two days, 1 that is right."""
    rang = await world.do("ring", number=family.mother, to=SCHOOL, keys=["1", "1", "1", "2", "1"])
    said = await heard(world, rang["sid"])
    assert said[0] == ("pl-PL", "Dzień dobry. Tu Oakfield Primary School.")
    before_any_key = [text for _, text in said[: next(n for n, (_, text) in enumerate(said) if "Którego" in text)]]
    assert not any(family.name in text for text in before_any_key)
    assert said[-2:] == [("pl-PL", "Dziękujemy. Zapisaliśmy to zgłoszenie."), ("pl-PL", "Do widzenia.")]
    known: list[AbsenceReason] = []

    async def written() -> bool:
        async with database.read() as session:
            known[:] = list(await session.scalars(sa.select(AbsenceReason)))
        return bool(known)

    await processes.until(written, what="the report is heard", every=0.1)
    (reason,) = known
    assert (reason.pupil_id, reason.intent, reason.code) == (family.pupil_id, "illness", "I")
    assert reason.last - reason.first == timedelta(days=1)


async def sweep(
    school: processes.School, world: processes.World, made: practice.Summary, families: Sequence[morning.Family]
) -> None:
    """The morning's register has both children absent; only the one of whom nobody has said anything is asked about."""
    reported, silent = families
    everybody = [line.split(",")[0] for line in made.files[0].read_text("utf-8-sig").splitlines()[1:]]
    marks = school.folder / "marks.csv"
    marks.write_text(morning.register(everybody, [reported.pupil, silent.pupil]))
    await school.handbell("marks", "import", str(marks))

    async def asked() -> bool:
        return bool(await morning.texts(world, silent.mother))

    await processes.until(asked, what="the other family is asked", every=0.1)
    assert await morning.texts(world, reported.mother) == []


async def speak(
    school: processes.School, world: processes.World, database: Database, family: morning.Family, folder: Path
) -> None:
    """A voice message is a reply at once; it is fetched, gone at the provider, and played by command."""
    await world.do("faults", place="recordings.delete", kind="status", count=None)
    rang = await world.do("ring", number=family.mother, to=SCHOOL, keys=["2"], says=7)
    said = await heard(world, rang["sid"])
    assert "recorded" in " ".join(text for _, text in said)

    async def here() -> VoiceMessage | None:
        async with database.read() as session:
            return (await session.scalars(sa.select(VoiceMessage).where(sa.column("kept_at").is_not(None)))).first()

    async def kept() -> bool:
        return await here() is not None

    await processes.until(kept, what="the voice message is here", every=0.1)
    # The power fails before it was deleted at the provider.
    assert school.process is not None
    await school.process.kill()
    async with world.session.delete(f"{world.http_url}/_sim/faults") as answer:
        assert answer.status == 200
    assert len((await world.look("records"))["recordings"]) == 1
    await school.run()

    replies: list[Reply] = []

    async def gone_there() -> bool:
        found = await here()
        async with database.read() as session:
            query = sa.select(Reply).where(sa.column("body").contains("Voice message"))
            replies[:] = list(await session.scalars(query))
        return found is not None and found.gone_at is not None and bool(replies)

    await processes.until(gone_there, what="it is gone at the provider", every=0.1)
    (reply,) = replies
    records = await world.look("records")
    assert (records["recordings"], len(records["deleted_recordings"])) == ([], 1)
    file = folder / "message.wav"
    await school.handbell("replies", "play", str(reply.id), "--out", str(file), "--as", "Mrs Office")
    with wave.open(str(file)) as sound:
        assert sound.getnframes() / sound.getframerate() == 7
    assert file.stat().st_mode & 0o077 == 0
    assert "voice.played" in await school.handbell("audit", "show", "--action", "voice.played")
