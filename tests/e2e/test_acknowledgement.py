"""A parent writes, by the real daemon and pretend phones: one acknowledgement, in her language, whatever is killed.

What may mean that a child is missing is texted to staff, once, whoever wrote it.
"""

from __future__ import annotations

import sqlalchemy as sa
from support import processes
from support import school as people

from gateway.database import Database
from gateway.models import Conversation, Message, Promise
from gateway.models.types import core

OFFICE, STRANGER, STAFF = "+441134960001", "+447700900998", "+447700900990"


async def texts(world: processes.World, number: str) -> list[str]:
    for phone in (await world.look("phones"))["phones"]:
        if phone["number"] == number:
            return [one["body"] for one in phone["texts"] if one["direction"] != "inbound" and one["arrived"]]
    return []


async def test_one_acknowledgement_in_polish_none_for_stop_and_an_alert_to_staff(
    school: processes.School, world: processes.World
) -> None:
    school.write_settings(world, extra=f'[absence]\nalert_numbers = ["{STAFF}"]\n')
    await school.handbell("migrate")
    database = Database(school.database_url)
    mother, father = people.number(), people.number()
    for name, number, language in (("Maria", mother, "pl"), ("Ivan", father, "en")):
        contact = await people.contact(database, name, written_language=language)
        await people.point(database, contact, number)
        await people.tie(database, await people.pupil(database), contact, lives_with=True)
    await school.run()
    await world.do("reply", number=father, text="STOP", to=OFFICE)
    await world.do("reply", number=mother, text="O której kończy się klub?", to=OFFICE)
    await world.do("reply", number=STRANGER, text="She never came home last night and isnt answering", to=OFFICE)
    assert school.process is not None
    await school.process.kill()  # before or after it has promised: once all the same
    await world.do("reply", number=mother, text="Proszę o odpowiedź, kiedy kończy się klub?", to=OFFICE)
    await school.run()

    async def has_promised() -> bool:
        async with database.read() as session:
            waiting = await session.scalar(sa.select(sa.func.count()).select_from(core(Conversation)))
            told = [await texts(world, number) for number in (mother, STRANGER, STAFF)]
            return waiting == 3 and all(told)

    await processes.until(has_promised, what="she is told, and staff are", every=0.2)
    # Everything that is under way has come to its end before the gateway does.
    await school.process.stop()
    (told,) = await texts(world, mother)
    assert told.startswith("Oakfield: dziękujemy, mamy Państwa wiadomość. Kto odpowie: sekretariat szkoły.")
    (alert,) = await texts(world, STAFF)
    assert alert.startswith("Oakfield: a child may be missing or unsafe. Act now: conversation ")
    async with database.read() as session:
        messages = list(await session.scalars(sa.select(Message)))
        promises = list(await session.scalars(sa.select(Promise)))
    await database.close()
    by_address = {message.address: message.id for message in messages}
    assert sorted(by_address) == sorted([mother, STRANGER, STAFF])
    assert len(messages) == 3
    assert {one.message_id for one in promises} == {by_address[mother], by_address[STRANGER]}
