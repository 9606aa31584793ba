"""The question for a language meets the question where a child is: a bare digit explains no missing child."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlmodel import col, select
from support import desk
from support.absences import Morning, Parent

from channels.base import Medium
from gateway import handshake, notices, runs
from gateway.absence import listening
from gateway.database import Database
from gateway.models import CaseState as S
from gateway.models import Contact, Conversation, Gist, Notice, Reply
from gateway.understanding import library


@pytest.fixture
async def morning(sqlite_database: Database) -> Morning:
    return await Morning(sqlite_database, understanding=listening.by_words(library.load())).open()


async def tell(morning: Morning) -> None:
    """An ordinary notice, beside which those are asked whose language nobody knows."""
    wanted = desk.definition()
    async with morning.database.write() as session:
        await notices.submit(session, morning.gateway, wanted, author="office")
    async with morning.database.write() as session:
        notice = (await session.scalars(select(Notice).where(col(Notice.key) == wanted.key))).one()
        run = await runs.begin(session, morning.gateway, notice, wanted, fire_at=morning.gateway.now())
        await runs.advance(session, morning.gateway, notice, wanted, run)


async def missed(morning: Morning) -> tuple[int, Parent]:
    """A child is missing, and its mother was asked for her language a little before."""
    mother = await morning.parent("Saima")
    child = await morning.child("Ana", mother, home_language="ur")
    await tell(morning)
    assert [one.slot.startswith(handshake.SLOT) for one in await morning.messages()] == [False, True]
    await morning.deliver()
    await morning.mark(child, "N")
    await morning.at("09:30")
    await morning.deliver()
    return child, mother


async def test_a_question_that_the_absence_check_overtakes_does_not_leave(morning: Morning) -> None:
    """It is the last of all to leave, so for a whole school it may wait until the register is closed."""
    mother = await morning.parent("Saima")
    child = await morning.child("Ana", mother, home_language="ur")
    await tell(morning)
    await morning.mark(child, "N")
    await morning.at("09:30")
    [sender] = {one.sender_id or 0 for one in await morning.messages() if one.medium is Medium.SMS}
    left = list[str]()
    for routine in (0, 1, 1, 1):
        claim = await desk.claim(morning.database, sender, now=morning.clock.now, urgent=1, routine=routine)
        left += [row["keys"] for row in claim.messages]
        morning.clock.pass_(seconds=30)
    assert left == ["1234", ""]
    await morning.answer(mother.number, "1")
    assert ((await morning.case(child)).code, await reads(morning, mother)) == ("I", "")


async def reads(morning: Morning, parent: Parent) -> str:
    async with morning.database.read() as session:
        return (await session.get_one(Contact, parent.id)).written_language


@pytest.mark.parametrize(("said", "absent"), [("1", "ill"), ("2", "an appointment"), ("(2)", "an appointment")])
async def test_a_digit_that_answers_either_is_for_a_person_and_the_child_is_asked_about_on(
    morning: Morning, said: str, absent: str
) -> None:
    child, mother = await missed(morning)
    await morning.answer(mother.number, said)
    case = await morning.case(child)
    assert (case.state, case.code) == (S.ASKING, "")
    assert await reads(morning, mother) == ""
    [task] = await morning.tasks("absence.")
    assert (task.kind, task.urgent) == ("absence.unsure", True)
    async with morning.database.read() as session:
        [(reply, gist)] = await session.execute(sa.select(Reply, Gist).join(Gist, col(Gist.reply_id) == col(Reply.id)))
        [conversation] = await session.scalars(select(Conversation))
    assert (reply.option, reply.settled) == ("", "")
    assert conversation.waiting_since is not None
    assert absent in gist.text
    assert ("English" if said == "1" else "Urdu") in gist.text
    await morning.pass_(minutes=60)
    went_on = [step for step in await morning.steps(child) if step in ("asked", "unreached")]
    assert len(went_on) > 1


@pytest.mark.parametrize(
    ("said", "state", "language"),
    [("she is ill", S.TO_CONFIRM, ""), ("Urdu please", S.ASKING, "ur"), ("English", S.ASKING, "en")],
)
async def test_words_decide_by_themselves(morning: Morning, said: str, state: S, language: str) -> None:
    child, mother = await missed(morning)
    await morning.answer(mother.number, said)
    assert ((await morning.case(child)).state, await reads(morning, mother)) == (state, language)


async def test_a_digit_that_only_one_of_them_offers_is_its_answer(morning: Morning) -> None:
    child, mother = await missed(morning)
    await morning.answer(mother.number, "4")
    assert (await morning.case(child)).state is S.ALARM


async def test_once_the_language_is_known_the_digit_is_of_the_child(morning: Morning) -> None:
    child, mother = await missed(morning)
    await morning.answer(mother.number, "Urdu")
    await morning.answer(mother.number, "1")
    assert ((await morning.case(child)).code, await reads(morning, mother)) == ("I", "ur")
