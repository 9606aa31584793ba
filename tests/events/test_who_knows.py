"""Who is told of a change or a cancelling: whoever may know of the event, each by its own event alone."""

from __future__ import annotations

from support.evenings import Evening

from gateway.database import Database
from gateway.events import changes

MUM, DAD = "+447700900101", "+447700900102"


async def test_an_event_is_changed_and_cancelled_whatever_became_of_others(database: Database) -> None:
    evening = await Evening(database).open()
    for number, child in ((MUM, "Ana"), (DAD, "Ben")):
        await evening.family(number, child)
    for key in ("evening", "trip"):
        await evening.invite(key=key)
        evening.clock.pass_(days=1)
    for key, place in (("evening", "the library"), ("trip", "the museum")):
        async with database.write() as session:
            new = changes.Change(place=place, details=f"It is in {place}.")
            told = await changes.change(session, evening.gateway, key, new, by="Head")
        assert told.guests == 2
        await evening.turn()
    async with database.write() as session:
        assert (await changes.cancel(session, evening.gateway, "trip", details="", by="Head")).guests == 2
    await evening.turn()
    assert len(await evening.said(MUM)) == len(await evening.said(DAD)) == 5
