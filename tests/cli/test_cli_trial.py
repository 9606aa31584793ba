"""``handbell status``, ``trial`` and ``golive``, as they are typed; the whole way is in ``tests/e2e/test_trial.py``."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
import sqlalchemy as sa
from support.waiting import PATIENCE, until

from gateway import audit, context, trial
from gateway.backup import copies
from gateway.commands import status
from gateway.database import Database, Session
from gateway.models import Notice, NoticeState, Praise, Pupil, Purpose, Run, SchoolEvent, Sender, Survey
from gateway.models.types import core

from .conftest import ENVIRONMENT, NOW, Office


@pytest.fixture
def trying(small_office: Office) -> Office:
    async def begin(session: Session) -> None:
        await trial.begin_if_new(session, wanted=True, log=small_office.log, now=NOW)

    small_office.change(begin)
    return small_office


def test_guests_come_and_go(trying: Office) -> None:
    assert "The trial goes on" in trying.gives("trial", "status")
    assert "Trial: only guests get anything" in trying.type("notice", "list").stderr, "as on every page"
    trying.gives("trial", "guests", "add", "07700 900111", "--name", "Mr Reilly", "--as", "Mrs Okafor")
    [guest] = trying.data("trial", "status")["guests"]
    assert (guest["address"], guest["name"], guest["added_by"]) == ("+447700900111", "Mr Reilly", "Mrs Okafor")
    assert "Mr Reilly" in trying.gives("trial", "guests")
    trying.gives("trial", "guests", "remove", "07700900111")
    assert "not on the guest list" in trying.refuses("trial", "guests", "remove", "07700900111")
    assert trying.type("trial", "guests", "add", "07700900111").exit_code == 2, "whose is it?"
    assert trying.data("trial", "status")["guests"] == []


def test_what_goes_out_after_the_trial_is_named_whatever_it_is(small_school_office: Office) -> None:
    """Praise that waits for its kind hour and a survey's reminder are no notices yet, and reach families too."""

    async def tried(session: Session) -> None:
        await trial.begin_if_new(session, wanted=True, log=small_school_office.log, now=NOW)
        pupil = await session.scalar(sa.select(core(Pupil).c.id).limit(1))
        later = NOW + timedelta(hours=6)
        session.add(Praise(pupil_id=pupil or 0, kind="kindness", staff="Mr Reilly", by="it", said_at=NOW, due_at=later))
        session.add(Survey(key="lunch", title="Lunch", anonymous=True, definition={}, by="it", created_at=NOW,
                           remind_at=later))  # fmt: skip

    small_school_office.change(lambda session: session.execute(sa.delete(core(Sender))))
    small_school_office.change(tried)
    waiting = small_school_office.data("trial", "status")["goes_by_itself"]
    praise = "Good news, held until after school (1 piece, from 1 of the staff)"
    assert waiting == [praise, "Lunch: reminder (Only who has answered nothing)"]
    assert "goes out by itself, at its time: Good news" in small_school_office.gives("trial", "status")


def test_what_was_begun_in_the_trial_is_said_to_go_to_whoever_had_its_beginning(small_school_office: Office) -> None:
    async def tried(session: Session) -> None:
        event = SchoolEvent(key="fair", title="Fair", starts_at=NOW + timedelta(days=9))
        session.add(event)
        await session.flush()
        common = {"title": "it", "purpose": Purpose.SERVICE, "definition": {}, "author": "it", "created_at": NOW}
        for key, state, of in (("fair", NoticeState.DONE, event.id), ("fair-reminder", NoticeState.SCHEDULED, event.id),
                               ("news", NoticeState.SCHEDULED, None)):  # fmt: skip
            session.add(Notice(id=key, key=key, state=state, event_id=of, next_fire_at=NOW, **common))
        await session.flush()
        session.add_all([Run(notice_id=one, fire_at=NOW) for one in ("fair", "news")])

    small_school_office.change(tried)
    waiting = small_school_office.data("trial", "status")["goes_by_itself"]
    assert sorted(waiting) == ["fair-reminder (only who had its beginning)", "news"]


def test_nobody_answers_for_what_was_not_found_nor_without_a_reason(trying: Office) -> None:
    assert "no finding “weather”" in trying.refuses("golive", "waive", "weather", "--because", "Fine.")
    assert trying.type("golive", "waive", "backup", "--because", " ").exit_code == 2


def test_status_says_what_waits_and_that_nobody_runs(school_office: Office) -> None:
    result = school_office.type("status", "--json")
    shown = json.loads(result.stdout)
    assert (result.exit_code, shown["ready"], shown["trial"]) == (1, False, False)
    assert shown["reasons"][0].startswith("Handbell does not answer at port")
    assert shown["copied_at"] is None
    assert {one["medium"] for one in shown["senders"]} == {"sms", "email"}
    plain = school_office.type("status").stdout
    assert "✗ Handbell does not answer" in plain
    assert "No copy of the database was ever made." in plain
    assert "+441134960001" in plain


def test_a_copy_of_last_month_is_no_backup(trying: Office) -> None:
    async def old(session: Session) -> None:
        line = audit.Line(copies.MADE)
        await trying.log.record(session, line, now=context.utc_now() - timedelta(days=30))

    trying.change(old)
    found = json.loads(trying.type("golive", "check", "--json").stdout)
    assert {one["name"]: one["state"] for one in found}["backup"] == "bad"


def test_live_status_is_for_people(school_office: Office) -> None:
    assert "for people to watch" in school_office.type("status", "--live", "--json").output


def test_live_status_goes_on_looking_until_ctrl_c(school_office: Office) -> None:
    """In a terminal of its own, as somebody would leave it open: what changes is seen without a key being pressed."""
    ours, theirs = os.openpty()
    os.set_blocking(ours, False)
    command = [sys.executable, "-m", "gateway.cli", "--config", str(school_office.settings), "status", "--live"]
    environ = {**os.environ, **ENVIRONMENT, "TERM": "xterm", "COLUMNS": "160", "LINES": "50"}

    def hears_ctrl_c() -> None:  # as in a terminal, and not as in a background job, which inherits that it hears none
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    child = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ, start_new_session=True,
        preexec_fn=hears_ctrl_c,
    )  # fmt: skip
    os.close(theirs)
    shown = ""

    async def shows(words: str) -> bool:
        nonlocal shown
        with contextlib.suppress(OSError):  # nothing new, or the terminal is gone
            shown += os.read(ours, 65_536).decode("utf-8", "replace")
        assert child.poll() is None, shown
        return words in shown

    async def watch() -> None:
        await until(lambda: shows("No copy of the database was ever made."))
        database = Database(school_office.url)
        async with database.write() as session:
            await school_office.log.record(session, audit.Line(copies.MADE), now=context.utc_now())
        await database.close()
        await until(lambda: shows("The last copy of the database is of"))
        child.send_signal(signal.SIGINT)

    try:
        asyncio.run(watch())
        assert child.wait(PATIENCE) == 0
    finally:
        child.kill()
        child.wait()
        os.close(ours)


def test_of_a_trusts_reasons_a_school_is_told_its_own() -> None:
    """The daemon of several schools answers by school, as what is asked has the machine's own name."""
    said = {"oak": ["The clock was set back."], "beech": ["It does not run."]}
    assert status.own(said, "oak") == ["The clock was set back."]
    assert status.own(said, "cedar") == []
    assert status.own(["The database does not answer."], "") == ["The database does not answer."]
