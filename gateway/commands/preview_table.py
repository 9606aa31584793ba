"""Printing a preview."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from channels.base import Medium
from gateway import interpreters, notices
from gateway.commands import preview, showing
from gateway.definitions import model, words
from templates import languages, plain, segments


def show(seen: notices.Preview, timezone: ZoneInfo, *, most: int | None) -> None:
    """Print a preview; ``most`` cuts the long lists, None prints them whole."""
    showing.say(f"{seen.definition.title} ({seen.definition.key}), to go {showing.when(seen.fire_at, timezone)}")
    for problem in seen.audience.problems:
        showing.say(f"To correct: {problem}")
    shares = preview.shares(seen.rows)
    _totals(shares, laddered=len(seen.definition.steps) > 1)
    for sentence in hours(seen, timezone):
        showing.say(sentence)
    _ladder(seen.definition)
    for sentence in preview.load_of(seen):
        showing.say(sentence)
    for remark, number in preview.remarks(seen):
        showing.say(f"{showing.count(number, 'message')}: {remark}")
    if files := _files(seen.definition):
        showing.say(f"Emails bring along: {', '.join(files)}.")
    _samples(shares, seen.definition)
    if seen.definition.event and (needed := preview.interpreters_needed(seen)):
        showing.say(interpreters.sentence(needed))
    _silent(seen, most)
    if most is None:
        _every_row(seen)


def totals(seen: notices.Preview) -> None:
    """Print what would go, by medium and language."""
    _totals(preview.shares(seen.rows), laddered=len(seen.definition.steps) > 1)


def as_data(seen: notices.Preview) -> dict[str, object]:
    """The whole preview as plain data."""
    return {
        "key": seen.definition.key,
        "title": seen.definition.title,
        "fire_at": seen.fire_at,
        "problems": [str(problem) for problem in seen.audience.problems],
        "files": _files(seen.definition),
        "load": seen.meter._asdict() if seen.meter else None,
        "remarks": dict(preview.remarks(seen)),
        "totals": [
            {
                "medium": share.medium,
                "language": share.language,
                "state": share.state,
                "messages": share.messages,
                "parts": share.parts,
                "pence": share.pence,
                "parts_at_most": share.most,
                "saved_parts": share.saved,
                "could_save_parts": share.could_save,
                "added_parts": share.added,
                "remarks": _remarks(share, seen.definition),
                "instead_of": dict(share.instead),
                "sample": {"subject": share.sample.subject, "text": share.sample.body},
            }
            for share in preview.shares(seen.rows)
        ],
        "interpreters": preview.interpreters_needed(seen) if seen.definition.event else {},
        "unreached": list(map(_plain, preview.unreached(seen))),
        "silent": list(map(_plain, preview.silent(seen))),
        "rows": preview.every_row(seen),
    }


def _totals(shares: list[preview.Share], *, laddered: bool) -> None:
    rows: list[tuple[object, ...]] = [
        (s.medium, _name(s.language), s.state, s.messages, s.parts, showing.money(s.pence), _instead(s)) for s in shares
    ]
    messages, parts = sum(share.messages for share in shares), sum(share.parts for share in shares)
    rows.append(("all", "", "", messages, parts, showing.money(sum(share.pence for share in shares)), ""))
    columns = ("medium", "language", "words", "messages", "parts", "cost", "would rather read")
    showing.table(
        columns, rows, title="What would go at most" if laddered else "What would go", right="messages, parts, cost"
    )


def _files(definition: model.Definition) -> list[str]:
    """What goes along with emails, where there are any."""
    if not any(Medium.EMAIL in step.media for step in definition.steps):
        return []
    details = definition.event  # where there are times to choose from, it comes once one is chosen
    calendar = details is not None and details.calendar_file and not details.sessions
    return [*definition.attachments, *(["event.ics"] if calendar else [])]


def _ladder(definition: model.Definition) -> None:
    """That the later steps, which the table counts in full, are only for those whom the earlier ones miss."""
    missed = "who have not answered" if definition.stop_when == "answered" else "whom nothing has reached"
    for number, step in enumerate(definition.steps[1:], 2):
        media = " and ".join(step.media)
        later = f"{_span(step.after)} after step {number - 1}"
        showing.say(f"Step {number} ({media}): at most so many, {later}, only to those {missed} by then.")


def hours(seen: notices.Preview, timezone: ZoneInfo) -> list[str]:
    """When it may leave and until when it is worth saying, as sentences."""
    valid, first = seen.definition.valid, [row.message for row in seen.rows if row.message.sender_id]
    found = list[str]()
    begins = min((message.due_at for message in first), default=seen.fire_at)
    if begins > seen.fire_at:
        found.append(f"The first of it leaves {showing.when(begins, timezone)}.")
    if valid.not_before or valid.not_after:
        words = [f"{word} {at:%H:%M}" for word, at in (("before", valid.not_before), ("after", valid.not_after)) if at]
        found.append(f"It does not leave {' or '.join(words)}.")
    ends = max((message.not_after for message in first if message.not_after), default=None)
    if ends is not None:
        found.append(
            f"It is worth saying until {showing.when(ends, timezone)}; what has not left by then does not leave."
        )
    return found


def _span(span: timedelta) -> str:
    for unit, size in (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1))):
        if span and not span % size:
            return showing.count(span // size, unit)
    return showing.count(int(span.total_seconds()), "second")


def _instead(share: preview.Share) -> str:
    return ", ".join(f"{_name(tag)} {number}" for tag, number in share.instead.most_common())


def _samples(shares: list[preview.Share], definition: model.Definition) -> None:
    for share in shares:
        showing.say(f"— {share.medium}, {_name(share.language)}{_price(share)}, for example:")
        if share.sample.subject:
            showing.say(f"    {share.sample.subject}")
        showing.say("\n".join(f"    {line}" for line in share.sample.body.splitlines()))
        for remark in _remarks(share, definition):
            showing.say(f"  {remark}")
        showing.say()


def _price(share: preview.Share) -> str:
    """What the longest text of a family costs."""
    if share.medium is not Medium.SMS:
        return ""
    each = share.most * share.pence / share.parts if share.parts else 0.0
    parts = f", {'up to ' if share.most > 1 else ''}{showing.count(share.most, 'part')}"
    return parts + (f", {each:.1f}p" if each else "")


def _remarks(share: preview.Share, definition: model.Definition) -> list[str]:
    """What there is to know of the texts in one language before they go: what was replaced, and what they cost."""
    found = [
        f"values.{name} is in English here, in the midst of {languages.english(share.language)} words."
        for name in words.english_within(definition, share.language)
    ]
    if share.medium is not Medium.SMS:
        return found
    if replaced := segments.replaced(_written(definition, share.language), share.sample.body):
        told = ", ".join(f"{old} by {new}" if new else f"{old!a} by nothing" for old, new in replaced.items())
        found.append(f"Replaced, so that it costs less: {told}.")
    if share.saved:
        found.append(f"Without accents, which saves {_worth(share, share.saved)} (languages.fold_accents).")
    if share.could_save:
        setting = f'languages.fold_accents = ["{share.language}"]'
        found.append(f"Without accents it would save {_worth(share, share.could_save)}: {setting}.")
    if share.added:
        found.append(
            "A line in the family's own language says where help is to be had: "
            f"{_worth(share, share.added)} more ({_instead(share)})."
        )
    if share.most > plain.USUAL_PARTS:
        found.append(f"{share.most} parts are many; {plain.USUAL_PARTS} are enough. Shorten it, or send it by email.")
    return found


def _worth(share: preview.Share, parts: int) -> str:
    pence = share.pence / share.parts * parts
    return showing.count(parts, "part") + (f", {showing.money(pence)}" if pence else "")


def _written(definition: model.Definition, language: str) -> str:
    """All that an author wrote for a language, as it was written."""
    values = definition.template_values().values()
    return " ".join([definition.text.get(language, ""), *(value for value in values if isinstance(value, str))])


def _silent(seen: notices.Preview, most: int | None) -> None:
    """Who would get nothing at all, and where only one medium fails."""
    unreached, silent = preview.unreached(seen), preview.silent(seen)
    if unreached:
        showing.say(f"Nobody would hear about {showing.count(len(unreached), 'pupil')}:")
        _list([f"{one.about}. {_why(one)}" for one in unreached], most)
    if silent:
        showing.say(f"{showing.count(len(silent), 'contact')} would get nothing of their own:")
        _list([f"{one.who}, about {one.about}. {_why(one)}" for one in silent], most)
    partly = preview.partly(seen)
    if partly:
        showing.say("Reached one way, but not by every medium:")
        _list([f"{number} by {medium}: {preview.sentence(reason)}" for medium, reason, number in partly], None)


def _why(one: preview.Silent) -> str:
    return " ".join(map(preview.sentence, one.reasons))


def _plain(one: preview.Silent) -> dict[str, object]:
    return {"who": one.who, "about": one.about, "reasons": one.reasons, "why": _why(one)}


def _list(lines: Sequence[str], most: int | None) -> None:
    for line in lines[:most]:
        showing.say(f"    {line}")
    if most is not None and len(lines) > most:
        showing.say(f"    … and {len(lines) - most} more (--all shows them)")


def _every_row(seen: notices.Preview) -> None:
    columns = ("who", "about", "medium", "address", "language", "parts", "state", "reason")
    rows = ([row[name] or "" for name in columns] for row in preview.every_row(seen))
    showing.table(columns, rows, title="Every row", right="parts")


def _name(tag: str) -> str:
    row = languages.table().get(tag)
    return row.english if row else tag
