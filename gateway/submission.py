"""What is asked of a definition before it is taken in, beyond its shape: can it go out, and will anybody hear it?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from gateway import audience, context, errors, firing, guard, planner
from gateway.definitions import model


def checked_time(definition: model.Definition, gateway: context.Gateway) -> datetime:
    """When it fires first. A time that has gone by is a slip of the pen, not a wish to send at once.

    Raises :class:`errors.BadDefinition`.
    """
    fire_at = firing.first(definition, gateway)
    if fire_at is None:
        problem = errors.Problem("this schedule never fires.", "Look at “cron” and “until”.", field="schedule")
        raise errors.BadDefinition([problem])
    if definition.schedule.at and fire_at < gateway.now():
        cure = "Correct it, or take it out to send at once."
        raise errors.BadDefinition([errors.Problem("this time has gone by.", cure, field="schedule.at")])
    ends = planner.not_after(definition, fire_at, gateway.timezone)
    if ends is not None and ends <= fire_at:
        problem = errors.Problem("this is over before the notice goes out.", "Correct the time.", field="valid.until")
        raise errors.BadDefinition([problem])
    return fire_at


def check_audience(chosen: audience.Audience) -> None:
    """Refuse an audience that names what nobody has, or in which nobody would be told.

    Raises :class:`errors.BadDefinition`.
    """
    if chosen.problems:
        raise errors.BadDefinition(chosen.problems)
    if any(not listener.reason for listener in chosen.listeners):
        return
    reasons = sorted({guard.REASONS[listener.reason] for listener in chosen.listeners})
    what = " ".join(["nobody in this audience would be told.", *reasons])
    raise errors.BadDefinition([errors.Problem(what, "Choose other pupils or people.", field="audience")])


def check_lengths(rows: Sequence[planner.Planned]) -> None:
    """Refuse texts that are too long for everybody who reads a language; one family's own row is only left out.

    Raises :class:`errors.BadDefinition`.
    """
    parts: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if row.message.medium == "sms" and row.message.language:
            parts[row.message.language].append(row.message.parts)
    problems = [
        errors.Problem(
            f"the text in “{language}” needs {min(needed)} parts; {guard.MOST_PARTS} is the most.",
            "Shorten it, or send it by email.",
            field="text",
        )
        for language, needed in sorted(parts.items())
        if min(needed) > guard.MOST_PARTS
    ]
    if problems:
        raise errors.BadDefinition(problems)
