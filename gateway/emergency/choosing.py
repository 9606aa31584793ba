"""Which children an alarm can be about: what a page offers to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from gateway import people
from gateway.database import Session
from gateway.models import Membership, Pupil, PupilGroup
from gateway.models.types import core


@dataclass(frozen=True, slots=True)
class Choices:
    """The years, forms and groups there are, each with how many children it has today."""

    children: int
    years: Sequence[tuple[str, int]]
    forms: Sequence[tuple[str, int]]
    groups: Sequence[tuple[str, int]]


async def choices(session: Session, *, today: date) -> Choices:
    """What is on roll today."""
    pupil, group, member = core(Pupil).c, core(PupilGroup).c, core(Membership).c
    ours, number = people.on_roll(today), sa.func.count(pupil.id.distinct())

    async def by(name: sa.ColumnElement[str], query: sa.Select[str, int]) -> list[tuple[str, int]]:
        found = await session.execute(query.where(ours, name != "").group_by(name))
        return sorted(((str(one), children) for one, children in found), key=lambda one: _in_order(one[0]))

    belongs = core(Pupil).join(core(Membership), member.pupil_id == pupil.id)
    groups = belongs.join(core(PupilGroup), group.id == member.group_id)
    return Choices(
        await session.scalar(sa.select(number).where(ours)) or 0,
        await by(pupil.year, sa.select(pupil.year, number)),
        await by(pupil.form, sa.select(pupil.form, number)),
        await by(group.name, sa.select(group.name, number).select_from(groups)),
    )


def _in_order(name: str) -> tuple[int, int, str]:
    """As schools count: N and R before 1, and 9 before 10."""
    digits = name[: len(name) - len(name.lstrip("0123456789"))]
    return (int(bool(digits)), int(digits or 0), name)
