"""Every report by its name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from gateway import context, errors
from gateway.database import Session
from gateway.reports import absences, answers, cost, figures, good_news, reach, updates

_Count = Callable[[Session, context.Gateway, figures.Period], Awaitable[figures.Report]]


async def _reach(session: Session, gateway: context.Gateway, period: figures.Period) -> figures.Report:
    return await reach.read(session, period, default_language=gateway.settings.school.language)


async def _answers(session: Session, gateway: context.Gateway, period: figures.Period) -> figures.Report:
    return await answers.read(session, period, default_language=gateway.settings.school.language)


async def _updates(session: Session, gateway: context.Gateway, period: figures.Period) -> figures.Report:
    return await updates.read(session, period, gateway.year.days)


async def _absences(session: Session, _: context.Gateway, period: figures.Period) -> figures.Report:
    return await absences.read(session, period)


async def _cost(session: Session, gateway: context.Gateway, period: figures.Period) -> figures.Report:
    return await cost.read(session, period, budget_pence=100 * gateway.settings.costs.budget_pounds_a_month)


_REPORTS: Final[Mapping[str, _Count]] = MappingProxyType(
    {
        "reach": _reach,
        "answers": _answers,
        "updates": _updates,
        "good-news": good_news.read,
        "absences": _absences,
        "cost": _cost,
    }
)
NAMES: Final = tuple(_REPORTS)


async def read(session: Session, gateway: context.Gateway, name: str, period: figures.Period) -> figures.Report:
    """Count one report. Raises :class:`errors.NotFound` for a name that is none."""
    if name not in _REPORTS:
        raise errors.NotFound(f"There is no report “{name}”. There are {', '.join(NAMES)}.")
    return await _REPORTS[name](session, gateway, period)
