"""What the school has set up: absences, the phone line, the desk, languages and translating."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy import exc
from sqlmodel import select

from channels.translators.base import NotTranslated
from gateway import context, errors, own_words
from gateway.absence import rules
from gateway.calendars import feeds, remarks
from gateway.campaigns import views
from gateway.desk import canned, promise
from gateway.doctor.findings import Finding
from gateway.models import Contact, VoiceMessage
from gateway.models.types import core
from gateway.translating import glossary
from templates import coverage, languages
from templates import own_words as words


def absence(gateway: context.Gateway) -> Iterator[Finding]:
    """Whether the files of the absence check can be read: its codes, calendar and ladder."""
    if not gateway.settings.absence.enabled:
        return
    try:
        decided = rules.load(gateway.settings, gateway.year)
    except errors.BadInput as error:
        yield from (Finding("absence", "bad", problem.what, f"{problem}") for problem in error.problems)
        return
    if not decided.settings.safeguarding_lead:
        what = "Nobody is named who takes over a child that nobody can account for."
        yield Finding("absence", "warn", what, "Set absence.safeguarding_lead to a person's name.")
    texts = gateway.settings.text_senders
    if decided.settings.alert_numbers and not texts and not gateway.settings.practice.enabled:
        what = "Staff are to be texted of what is urgent, and there is no number to text from."
        yield Finding("absence", "bad", what, "Set twilio.sms_senders, or take absence.alert_numbers out.")
    if not decided.year.days.terms:
        yield Finding(
            "absence", "warn", "No terms are set: every weekday counts as a school day.", "Set calendar.file."
        )
        return
    yield Finding("absence", "ok", f"Codes: {decided.codes.name}. The ladder has {len(decided.ladder.rungs)} rungs.")


async def calendar(gateway: context.Gateway) -> list[Finding]:
    """Whether the school's calendar can be read, goes on, and its feeds are fresh."""
    here = "calendar"
    try:
        async with gateway.database.read() as session:
            calendars = await gateway.calendars.look(session)
            told = remarks.of(calendars, gateway.today()) if calendars.year().days.terms else []
            known, campaigns = await feeds.listed(session), await views.listed(session, gateway)
    except errors.BadInput as error:
        return [Finding(here, "bad", problem.what, f"{problem}") for problem in error.problems]
    findings = [Finding(here, "warn", remark, "See handbell calendar show.") for remark in told]
    for one in campaigns:
        if one.standing and one.notice.next_fire_at is None and not (one.campaign and one.campaign.paused_at):
            sentence = f"The campaign {one.notice.key} has no next firing. {one.standing}"
            findings.append(Finding(here, "warn", sentence, f"See handbell campaign explain {one.notice.key}."))
    for feed in known:
        if feed.trouble:
            since = f"{feed.fetched_at:%d %b %Y}" if feed.fetched_at else "never"
            sentence = f"The calendar feed {feed.school or 'of the school'} was read last: {since}. {feed.trouble}"
            findings.append(Finding(here, "warn", sentence, "What it said before holds. Is its address still right?"))
        elif feed.problems:
            sentence = f"{len(feed.problems)} events of the calendar feed cannot be read: {feed.problems[0]}"
            findings.append(Finding(here, "warn", sentence, "handbell calendar check FILE.ics names them all."))
    days = gateway.year.days
    return findings or [Finding(here, "ok", f"Terms: {len(days.terms)}; closed days: {len(days.closed)}.")]


def phone_line(gateway: context.Gateway) -> list[Finding]:
    """Whether families who ring the school can be answered."""
    here, settings = "phone line", gateway.settings.phone_line
    if not settings.enabled:
        return []
    if not gateway.public_url:
        sentence = "Calls to the school cannot be answered: the provider must be able to reach us while somebody rings."
        return [Finding(here, "bad", sentence, "Set web.public_base_url, or phone_line.enabled to false.")]
    rung = ", ".join(gateway.settings.rung_numbers)
    findings = [
        Finding(here, "ok", f"{rung}: “a call comes in” must be {gateway.public_url}/hooks/{name}/call there, by POST.")
        for name in gateway.lines
    ]
    hours = f"{settings.office_opens} to {settings.office_closes} on school days"
    if settings.office_number:
        findings.append(Finding(here, "ok", f"Callers can be put through to the office from {hours}."))
    else:
        findings.append(Finding(here, "warn", "Nobody is put through to the office.", "Set phone_line.office_number."))
    return findings


async def voice_messages(gateway: context.Gateway) -> list[Finding]:
    """Whether voice messages come home, and are gone at the provider."""
    t = core(VoiceMessage).c
    query = sa.select(sa.func.count()).where(t.due_at.is_not(None), t.trouble != "")
    async with gateway.database.read() as session:
        stuck = await session.scalar(query)
    if not stuck:
        return []
    messages = f"{stuck} voice message{'' if stuck == 1 else 's'}"
    sentence = f"{messages} could not be fetched, or not be deleted at the provider, so far."
    return [Finding("phone line", "warn", sentence, "Does the provider answer? The journal says why (voice.put_off).")]


def desk(gateway: context.Gateway) -> Iterator[Finding]:
    """Whether the desk's files can be read: its canned answers, and the calendar that it counts by."""
    try:
        promise.load(gateway.settings, gateway.year)
        answers = canned.load(gateway.settings).answers
    except errors.BadInput as error:
        yield from (Finding("desk", "bad", problem.what, f"{problem}") for problem in error.problems)
        return
    yield Finding("desk", "ok", f"Canned answers: {len(answers)}.")


async def translation(gateway: context.Gateway) -> list[Finding]:
    """Whether the service that drafts translations answers, and which of the families' languages it can do."""
    here, translator = "translation", gateway.translator
    if translator is None:
        return []
    try:
        glossary.load(gateway.settings.translation.glossary)
        async with gateway.database.read() as session:
            read = set(await session.scalars(select(Contact.written_language).distinct())) - {"", languages.ENGLISH}
        can = await translator.reach(read)
    except errors.BadInput as error:
        return [Finding(here, "bad", problem.what, str(problem)) for problem in error.problems]
    except NotTranslated as error:
        return [Finding(here, "bad", str(error), "Drafts and gists are left out until it answers.")]
    except exc.DBAPIError:
        return []  # it was told above
    replies = "families' answers too" if gateway.settings.translation.replies else "no answers of families"
    findings = [
        Finding(here, "ok", f"{translator.name} answers. It is sent what staff have translated, and {replies}.")
    ]
    if cannot := sorted(languages.table()[tag].english for tag in read - can if tag in languages.table()):
        sentence = f"{translator.name} does not translate into {', '.join(cannot)}."
        findings.append(
            Finding(here, "warn", sentence, "Families who read these get English, or what a person writes.")
        )
    return findings


def words_in_use(gateway: context.Gateway) -> Iterator[Finding]:
    """Which words a person has checked, and whether drafts are sent."""
    for sentence in words.read(own_words.folder(gateway.settings))[1]:
        yield Finding(
            "languages", "bad", f"Words of the school's own are not used: {sentence}", "See docs/languages.md."
        )
    found = coverage.by_trust()
    drafts = [*found["partly"], *found["draft"]]
    yield Finding("languages", "ok", f"Words that a person has checked: {', '.join(found['reviewed'])}.")
    if found["partly"]:
        yield Finding(
            "languages", "ok", f"Languages of which a person has checked a part: {', '.join(found['partly'])}."
        )
    if drafts and gateway.settings.languages.allow_drafts:
        cure = (
            ""
            if gateway.settings.practice.enabled
            else "Have a speaker read them, or set languages.allow_drafts to false."
        )
        yield Finding("languages", "warn", f"Drafts that nobody has checked are sent: {', '.join(drafts)}.", cure)
    elif drafts:
        sentence = f"Drafts that nobody has checked are not used, English goes instead: {', '.join(drafts)}."
        yield Finding("languages", "warn", sentence, "Have a speaker read them: see handbell words coverage.")
