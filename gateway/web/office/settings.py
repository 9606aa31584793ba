"""Settings: what is in force and where it was written, whether everything works, and what staff must see to.

The settings are a file of IT's; a page changes none of them, it says which one to change for what.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import PurePath
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from config import reference
from config.settings import Settings
from gateway import context, doctor, errors, numbers, senders, tasks, tokens, trial
from gateway.accounts import staff
from gateway.calendars import remarks
from gateway.web import health, site
from gateway.web.office import audit_subjects, carriers, cures, door, frame, naming, rights, visitors
from gateway.web.office.rights import Right

_LARGEST_ID: Final = 2**31 - 1
_UNITS: Final[Mapping[str, str]] = {"d": "school day", "h": "hour", "m": "minute"}  #: of the promise (``desk.promise``)
_ADDRESSES: Final = re.compile(r"\baddress (\+\d+)")
_DONE: Final = 20  #: tasks that are done, the newest of them
#: For what which setting is to be changed; each a section or a setting of the reference.
FOR_WHAT: Final = (
    ("How long somebody stays signed in who does nothing", "staff.idle_s"),
    ("From how many children on a second person must approve", "staff.second_person_over"),
    ("Whether every alarm needs a second person", "emergency.second_person"),
    ("From when on texts and calls may not disturb", "quiet.starts"),
    ("Until when", "quiet.ends"),
    ("How absent children are asked about, step by step", "absence.ladder"),
    ("Who takes over a child whom nobody can account for", "absence.safeguarding_lead"),
    ("Terms and closed days", "calendar.file"),
    ("Until when families are promised an answer", "desk.question_within"),
    ("Whether wording that nobody has checked may be sent", "languages.allow_drafts"),
    ("As which numbers texts and calls go out", "twilio.sms_senders"),
    ("By which provider texts go, where there are two", "sending.text_routes"),
    ("What a text costs, in pence", "costs.pence_per_text_part"),
    ("Where staff reach these pages", "web.office_url"),
    ("For how many days families' words are kept", "retention.words_days"),
    ("Who is mailed the seal of the audit log each day", "audit.publish_to"),
)
#: How some of them are said where they are as they come, which is no number that means something by itself.
_UNSAID: Final[Mapping[str, str]] = {
    "staff.second_person_over": "nobody has to",
    "absence.ladder": "as Handbell comes",
    "web.office_url": "where Handbell itself listens",
    "twilio.sms_senders": "none yet",
    "costs.pence_per_text_part": "not known",
}
_PRIORITIES: Final = ("Alarms", "Absences and answers", "Announcements", "Good news and questions")
_WORDS: Final = {"bad": "To mend", "warn": "To look at", "ok": "As it should be"}


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/settings``, ``/settings/all``, ``/settings/health`` and ``/settings/tasks``."""
    shown, see = Pages(pages), Right.SEE_SETTINGS
    return [
        door.page("/settings", shown.overview, right=see),
        door.page("/settings/all", shown.every, right=see),
        door.page("/settings/health", shown.health, right=see),
        door.page("/settings/tasks", shown.tasks, right=Right.SEE_TASKS),
        door.page("/settings/tasks/{task:int}", shown.done, right=Right.SEE_TASKS, methods=("POST",)),
    ]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: what is in force, and where that was written; ``""`` where it is the default."""

    key: str
    value: str
    origin: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages."""

    pages: frame.Pages

    async def overview(self, request: Request) -> Response:
        """The main things in force, and for what which setting is to be changed."""
        gateway = site.of(request).gateway
        chosen = {
            one.key: replace(one, value=_in_words(one), origin=re.sub(r"^in .*/", "in ", one.origin))
            for one in listed(gateway.settings)
        }
        async with gateway.database.read() as session:
            calendars = await gateway.calendars.look(session)
            people = await staff.listed(session)
            approving = [one.name for one in people if not one.disabled_at
                         and rights.may(one.role, Right.APPROVE_ANNOUNCEMENTS)]  # fmt: skip
            values: dict[str, Any] = {
                "senders": [one for one in await senders.listed(session) if one.active],
                "tokens": sum(one.revoked_at is None for one in await tokens.listed(session)),
                "open": sum((await tasks.count(session)).values()),
            }
        days, file = calendars.year().days, gateway.settings.calendar_file
        terms = f"{naming.count(len(days.terms), 'term')}, {naming.count(len(days.closed), 'closed day')}"
        # The file of it another setting, or its place, may have named.
        chosen["calendar.file"] = replace(chosen["calendar.file"], value=terms if days.terms else "no terms are set")
        return await self.pages.render(
            request, "settings.html", here="settings", chosen=chosen, for_what=FOR_WHAT, approving=approving,
            file=file.name if file else "", days=days, now_term=_term(days.terms, gateway.today()),
            told=remarks.of(calendars, gateway.today()) if days.terms else [],
            reasons=(await health.answer(site.of(request))).reasons, **values,
        )  # fmt: skip

    async def every(self, request: Request) -> Response:
        """All there are, by section, as ``handbell config show`` has them."""
        settings = site.of(request).gateway.settings
        sections = dict[str, list[Setting]]()
        for one in listed(settings):
            sections.setdefault(one.key.partition(".")[0], []).append(one)
        return await self.pages.render(
            request, "settings_all.html", here="settings", sections=sections, warnings=settings.warnings()
        )

    async def health(self, request: Request) -> Response:
        """Whether messages leave and answers come in, how long the queues are, and what ``handbell doctor`` finds."""
        gateway, now = site.of(request).gateway, site.of(request).gateway.now()
        answer = await health.answer(site.of(request))
        queues = [
            (carriers.WORDS[medium], [(name, *answer.queued.get((medium.value, number), (0, None)))
                                      for number, name in enumerate(_PRIORITIES)])
            for medium in carriers.WORDS
        ]  # fmt: skip
        async with gateway.database.read() as session:
            guests = await trial.guests(session) if answer.trial else []
        whole = request.query_params.get("look") == "all"
        findings = await _findings(gateway) if whole else []
        return await self.pages.render(
            request, "settings_health.html", here="settings", answer=answer, queues=queues, guests=guests, whole=whole,
            findings=findings, words=_WORDS, wait=_waits(now),
        )  # fmt: skip

    async def tasks(self, request: Request) -> Response:
        """What no machine may decide, urgent things first, and what was done of it lately."""
        return await self._tasks(request)

    async def done(self, request: Request) -> Response:
        """Somebody has seen to it."""
        gateway, visitor, number = site.of(request).gateway, visitors.of(request), request.path_params["task"]
        await door.form(request)
        if number > _LARGEST_ID:
            raise HTTPException(404)
        try:
            async with gateway.database.write() as session:
                await tasks.done(session, number, by=visitor.signature, log=gateway.log, now=gateway.now())
        except errors.Conflict as error:
            return await self._tasks(request, problems=[("", str(error))])
        return self.pages.done(request, "/settings/tasks", "Seen to. If its cause comes again, you are asked again.")

    async def _tasks(self, request: Request, *, problems: Sequence[tuple[str, str]] = ()) -> Response:
        gateway, visitor = site.of(request).gateway, visitors.of(request)
        async with gateway.database.read() as session:
            waiting = await tasks.listed(session)
            every = await tasks.listed(session, everything=True)
            about = await audit_subjects.read(session, {one.subject for one in waiting}, visitor)
        return await self.pages.render(
            request, "tasks.html", status=422 if problems else 200, here="tasks", waiting=waiting, problems=problems,
            done=[one for one in every if one.done_at][:_DONE], local=lambda at: at.astimezone(gateway.timezone),
            about=about, cure=cures.without_commands, place=lambda kind: cures.place(kind, visitor),
        )  # fmt: skip


def _in_words(one: Setting) -> str:
    """A value as somebody says it who does not know the file."""
    if one.key in _UNSAID and one.value in ("nothing", "0", "0.0"):
        return _UNSAID[one.key]
    if one.key == "staff.idle_s" and one.value.isdigit():
        return naming.minutes(timedelta(seconds=int(one.value)))
    if one.key == "desk.question_within":
        return naming.count(int(one.value[:-1]), _UNITS[one.value[-1]])
    if one.key == "absence.ladder":
        return PurePath(one.value).name
    if one.key == "costs.pence_per_text_part":
        return f"{one.value}p"
    if one.key == "twilio.sms_senders":
        return ", ".join(map(numbers.at_home, _ADDRESSES.findall(one.value))) or one.value
    return one.value


def listed(settings: Settings) -> list[Setting]:
    """Every setting in force, in the order of the reference; stars stand for secrets."""
    values, found, seen = settings.redacted(), list[Setting](), set[str]()
    for entry in reference.describe():
        key = entry.key.partition("[")[0]
        if key in seen:
            continue
        seen.add(key)
        found.append(
            Setting(key, _said(_at(values, key)), settings.origin(key), entry.help if key == entry.key else "")
        )
    return found


def _at(values: Mapping[str, Any], key: str) -> Any:
    found: Any = values
    for name in key.split("."):
        found = found[name]
    return found


def _said(value: Any) -> str:
    """A value as people write it."""
    if value in (None, "", [], {}):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_said(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return "; ".join(_said(one) for one in value)
    return str(value)


def _term(terms: Sequence[Any], today: date) -> Any:
    return next((one for one in terms if one.first <= today <= one.last), None)


async def _findings(gateway: context.Gateway) -> list[tuple[str, list[doctor.Finding]]]:
    """What ``handbell doctor`` finds, by how bad it is; providers are not asked, as their lines are in use here."""
    found = await doctor.examine(gateway, providers=False)
    return [(state, [one for one in found if one.state == state]) for state in ("bad", "warn", "ok")]


def _waits(now: datetime) -> Any:
    def said(since: datetime | None) -> str:
        seconds = (now - since).total_seconds() if since else 0
        if seconds < 60:
            return "no wait"
        if seconds < 7200:
            return naming.count(int(seconds // 60), "minute")
        return naming.count(int(seconds // 3600), "hour")

    return said
