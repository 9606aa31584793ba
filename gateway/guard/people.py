"""Of people: who may not be told, about whom, and by which phone or mailbox."""

from __future__ import annotations

import sqlalchemy as sa

from gateway.guard.asked import about, case, exists, message, one_of, opt_out, pupil, step, tie
from gateway.models import (
    About,
    AbsenceCase,
    AbsenceStep,
    CaseState,
    ContactPoint,
    Guardianship,
    OptOut,
    PointState,
    Pupil,
    Purpose,
)
from gateway.models.types import core, fixed

_MANDATORY = [purpose for purpose in Purpose if purpose.mandatory]


def barred() -> sa.ColumnElement[bool]:
    """It would reach a phone or mailbox of somebody who is barred today from a pupil it names."""
    theirs = core(ContactPoint).alias("theirs")
    today = sa.bindparam("today", type_=sa.Date)
    barred = exists(
        [core(Guardianship)],
        tie.pupil_id == about.pupil_id,
        tie.no_contact,
        sa.or_(tie.no_contact_from.is_(None), tie.no_contact_from <= today),
        sa.or_(tie.no_contact_until.is_(None), tie.no_contact_until >= today),
        sa.or_(
            tie.contact_id == message.contact_id,
            exists([theirs], theirs.c.contact_id == tie.contact_id, theirs.c.address == message.address),
        ),
    )
    return exists([core(About)], about.message_id == message.id, barred)


def opted_out() -> sa.ColumnElement[bool]:
    """It would go to a phone or mailbox that told us to stop, and is no message that goes there all the same."""
    return exists(
        [core(OptOut)],
        opt_out.medium == message.medium,
        opt_out.address == message.address,
        sa.or_(opt_out.mandatory_too, ~one_of(message.purpose, _MANDATORY)),
    )


def wrong_number() -> sa.ColumnElement[bool]:
    """It names a pupil to a phone or mailbox where somebody has said that it is not that family's."""
    theirs = core(ContactPoint).alias("theirs")
    return exists(
        [theirs, core(Guardianship), core(About)],
        theirs.c.address == message.address,
        theirs.c.state == fixed(PointState.WRONG),
        tie.contact_id == theirs.c.contact_id,
        about.pupil_id == tie.pupil_id,
        about.message_id == message.id,
    )


def named(what: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether something holds of a pupil that it names."""
    one = exists([core(Pupil)], pupil.id == about.pupil_id, what)
    return exists([core(About)], about.message_id == message.id, one)


def on_roll() -> sa.ColumnElement[bool]:
    """Whether the pupil is at the school today."""
    return sa.or_(pupil.left_on.is_(None), pupil.left_on >= sa.bindparam("today", type_=sa.Date))


def still_tied() -> sa.ColumnElement[bool]:
    """Somebody with that address is still on file for the pupil: imports since may have made the message wrong."""
    theirs = core(ContactPoint).alias("theirs")
    there = exists([theirs], theirs.c.contact_id == tie.contact_id, theirs.c.address == message.address)
    return exists([core(Guardianship)], tie.pupil_id == pupil.id, there)


def accounted_for() -> sa.ColumnElement[bool]:
    """It asks about a child of whom something has become known since (``gateway/absence``)."""
    return exists(
        [core(About), core(AbsenceStep), core(AbsenceCase)],
        about.message_id == message.id,
        step.run_id == message.run_id,
        case.id == step.case_id,
        case.pupil_id == about.pupil_id,
        case.state != fixed(CaseState.ASKING),
    )
