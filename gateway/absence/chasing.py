"""Whether a register was taken at all: asked of the teacher and the office, again and again, and never of a parent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import timedelta

import sqlalchemy as sa

from gateway import audit, context, people, staff, tasks
from gateway.absence import asking, expected, rules
from gateway.database import Session
from gateway.models import Pupil, Purpose, Register, Task
from gateway.models.types import core

AGAIN = timedelta(minutes=30)
_LONG_AGO = timedelta(days=100)


async def chase(
    session: Session, gateway: context.Gateway, decided: rules.Rules, register: Register, have: Collection[int]
) -> None:
    """Ask after marks that are missing: one task for each form and a word to its teacher, or one task where no mark at
    all has come. ``have`` are the pupils with a mark; the caller holds ``register``.
    """
    now, pupil = gateway.now(), core(Pupil).c
    coming = expected.by_now(decided.year, register.date, register.session, decided.timezone, now=now)
    query = sa.select(pupil.id, pupil.form).where(people.on_roll(register.date), coming)
    forms, missing = Counter[str](), Counter[str]()
    for pupil_id, form in await session.execute(query.order_by(pupil.form)):
        forms[form] += 1
        missing[form] += pupil_id not in have
    if register.chased_at is not None:
        by = "handbell: the register was taken"
        for form in (form for form, count in missing.items() if not count):
            await tasks.over(session, _subject(register, form), by=by, log=gateway.log, now=now)
        # Once the first marks have come, whose register is still missing is asked after at once.
        begun = have and await tasks.over(session, f"register:{register.id}", by=by, log=gateway.log, now=now)
        if not begun and register.chased_at + AGAIN > now:
            return
    missing = +missing
    register.chased_at = now if missing else None
    session.add(register)
    for one in _asks(register, forms, missing, none_at_all=not have):
        await tasks.ask(session, one, log=gateway.log, now=now)
    if have:  # where nothing at all has come it is the export that is late, and not every teacher
        for form, count in missing.items():
            await _teacher(session, gateway, decided, register, form, f"{count} of {forms[form]} have no mark")


def _subject(register: Register, form: str) -> str:
    return f"register:{register.id} {form or 'without a form'}"


def _asks(register: Register, forms: Counter[str], missing: Counter[str], *, none_at_all: bool) -> Iterator[tasks.Ask]:
    when = asking.said(register.date, register.session)
    if none_at_all and missing:
        what = f"No register has come in yet ({when}): nobody can be asked about anybody."
        cure = "Export the marks from the school system and import them: handbell marks import FILE"
        yield tasks.Ask("register", f"register:{register.id}", what, cure, loud=True)
        return
    for form, count in missing.items():
        whose = form or "the pupils without a form"
        what = f"The register of {whose} is not complete ({when}): {count} of {forms[form]} have no mark."
        cure = "Ask the teacher to take it, and import it again. No family has been asked about these pupils."
        yield tasks.Ask("register", _subject(register, form), what, cure)


async def any_past(session: Session, gateway: context.Gateway) -> bool:
    """Whether registers of an earlier day are still asked after."""
    return await session.scalar(_past(gateway).limit(1)) is not None


async def end_past(session: Session, gateway: context.Gateway) -> None:
    """Close what asks after the registers of earlier days: nobody can be asked by them any more."""
    past = {row.id: row for row in await session.scalars(_past(gateway).with_for_update())}
    task = core(Task).c
    query = sa.select(task.subject).where(task.kind == "register", task.open_key.is_not(None))
    for subject in (await session.scalars(query)).all():
        if int(subject.removeprefix("register:").split()[0]) in past:
            by = "handbell: the day is over"
            await tasks.over(session, subject, by=by, log=gateway.log, now=gateway.now(), kind="register")
    for register in past.values():
        register.chased_at = None
        session.add(register)


def _past(gateway: context.Gateway) -> sa.Select[Register]:
    """Within the last term, as it is asked every second: the index ends there."""
    t, today = core(Register).c, gateway.today()
    recent = t.date.between(today - _LONG_AGO, today - timedelta(days=1))
    return sa.select(Register).where(recent, t.chased_at.is_not(None)).order_by(t.id)


async def _teacher(
    session: Session, gateway: context.Gateway, decided: rules.Rules, register: Register, form: str, count: str
) -> None:
    addresses = decided.teachers.of(form)
    school, what = gateway.settings.school.short_name, f"the register of {form} is not complete"
    when = asking.said(register.date, register.session)
    words = f"{school}: {what} ({when}): {count}. Please take it now. No family is asked before that."
    slot = f"{_subject(register, form)}:{gateway.now():%H%M}"
    sent = await staff.write(
        session, gateway, addresses, words, subject=f"{school}: {what}", slot=slot, purpose=Purpose.SAFEGUARDING
    )
    if sent:
        facts = {"date": register.date, "session": register.session, "form": form, "messages": sent}
        line = audit.Line("absence.teacher_asked", f"register:{register.id}", facts)
        await gateway.log.record(session, line, now=gateway.now())
