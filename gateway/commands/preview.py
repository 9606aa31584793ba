"""What ``handbell notice preview`` says: who would get what, and who would get nothing and why. Pure functions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from channels.base import Medium
from gateway import guard, interpreters, notices, numbers
from gateway.models import MessageState
from gateway.planner import Planned, Row
from gateway.preferences import load
from templates import segments


@dataclass(slots=True)
class Share:
    """The messages of one medium in one language.

    ``instead`` counts the families who would read another one; ``most`` is the longest text, in parts; ``saved`` are
    the parts that went with the accents, ``could_save`` those that would; ``added`` are those of a line in the family's
    own language below English words.
    """

    medium: Medium
    language: str
    state: str
    sample: Row
    messages: int = 0
    parts: int = 0
    pence: float = 0.0
    most: int = 0
    saved: int = 0
    could_save: int = 0
    added: int = 0
    instead: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Silent:
    """Somebody who gets nothing at all, about whom, and every reason for it."""

    who: str
    about: str
    reasons: tuple[str, ...]


def shares(rows: Iterable[Planned]) -> list[Share]:
    """What would leave, by medium and language, the commonest language first."""
    found: dict[tuple[Medium, str], Share] = {}
    for row in _leaving(rows):
        message = row.message
        key = (message.medium, message.language)
        share = found.get(key)
        if share is None:
            share = found[key] = Share(message.medium, message.language, message.words_state, message)
        share.messages += 1
        share.parts += message.parts
        share.pence += message.pence
        share.most = max(share.most, message.parts)
        share.saved += row.saved
        share.added += row.added
        if share.medium is Medium.SMS:
            share.could_save += message.parts - segments.count(segments.fold(message.body)).parts
        if row.wanted and row.wanted != message.language:
            share.instead[row.wanted] += 1
    return sorted(found.values(), key=lambda share: (share.medium, -share.messages, share.language))


def silent(preview: notices.Preview) -> list[Silent]:
    """The contacts who would get nothing by any medium."""
    found: dict[int, list[Planned]] = defaultdict(list)
    for row in preview.rows:
        if row.message.contact_id is not None:
            found[row.message.contact_id].append(row)
    return [
        Silent(_who(preview, rows[0]), about(preview, _pupils(rows)), _reasons(rows))
        for rows in found.values()
        if not any(_leaving(rows))
    ]


def partly(preview: notices.Preview) -> list[tuple[Medium, str, int]]:
    """How often one medium fails somebody whom another reaches: medium, reason and number, the commonest first."""
    told = {row.message.contact_id for row in _leaving(preview.rows)}
    counts = Counter(
        (row.message.medium, row.message.reason)
        for row in preview.rows
        if row.message.state is MessageState.SKIPPED and row.message.contact_id in told
    )
    return [(medium, reason, number) for (medium, reason), number in counts.most_common()]


def unreached(preview: notices.Preview) -> list[Silent]:
    """The pupils of whose family nobody would get anything at all."""
    told = _pupils(_leaving(preview.rows))
    found: dict[int, list[Planned]] = defaultdict(list)
    for row in preview.rows:
        for pupil_id in row.pupil_ids:
            if pupil_id not in told:
                found[pupil_id].append(row)
    return [Silent("nobody", about(preview, [pupil_id]), _reasons(rows)) for pupil_id, rows in found.items()]


def interpreters_needed(preview: notices.Preview) -> dict[str, list[str]]:
    """Who of those who would be told needs an interpreter at an event, by language."""
    told = dict.fromkeys(row.message.contact_id for row in _leaving(preview.rows))
    people = [preview.audience.people.contacts[one] for one in told if one is not None]
    return interpreters.by_language(one for one in people if one.interpreter)


def sentence(reason: str) -> str:
    """A reason in words."""
    return guard.REASONS.get(reason, reason)


def about(preview: notices.Preview, pupil_ids: Iterable[int]) -> str:
    """Pupils by name and form."""
    pupils = [preview.audience.people.pupils[pupil_id] for pupil_id in pupil_ids]
    return ", ".join(f"{pupil.called} {pupil.surname}" + (f" ({pupil.form})" if pupil.form else "") for pupil in pupils)


def remarks(preview: notices.Preview) -> list[tuple[str, int]]:
    """What messages wait for, were moved by, or pass, and how many of them, the commonest first."""
    return Counter(row.message.remark for row in _leaving(preview.rows) if row.message.remark).most_common()


def load_of(preview: notices.Preview) -> list[str]:
    """What the families that would be reached got this week, as sentences."""
    return load.sentences(preview.meter) if preview.meter else []


def every_row(preview: notices.Preview) -> list[dict[str, object]]:
    """Every message and every silence as plain data; phone numbers are masked."""
    return [
        {
            "who": _who(preview, row),
            "about": about(preview, row.pupil_ids),
            "medium": row.message.medium,
            "step": row.message.step,
            "address": masked(row.message.address),
            "language": row.message.language,
            "wanted": row.wanted,
            "words": row.message.words_state,
            "state": row.message.state,
            "reason": row.message.reason,
            "remark": row.message.remark,
            "parts": row.message.parts,
            "pence": row.message.pence,
            "due_at": row.message.due_at,
        }
        for row in preview.rows
    ]


def masked(address: str) -> str:
    """An address as a list may show it."""
    return numbers.masked(address) if numbers.is_phone(address) else address


def _leaving(rows: Iterable[Planned]) -> Iterable[Planned]:
    return (row for row in rows if row.message.state is not MessageState.SKIPPED)


def _pupils(rows: Iterable[Planned]) -> dict[int, None]:
    return dict.fromkeys(pupil_id for row in rows for pupil_id in row.pupil_ids)


def _reasons(rows: Iterable[Planned]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row.message.reason for row in rows))


def _who(preview: notices.Preview, row: Planned) -> str:
    contact = preview.audience.people.contacts.get(row.message.contact_id or 0)
    return contact.full_name or contact.source_id if contact else "nobody on file"
