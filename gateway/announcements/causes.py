"""Why somebody was not reached, in the office's words: a cause, what is known of it, and what to do about it.

Every failure ends in a thing to do. Causes are kept by what a person does next, not by what a provider calls them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Cause:
    """``about`` is the sentence below its name; ``cure`` a button's words, and ``where`` it leads."""

    key: str
    title: str
    about: str
    cure: str = ""
    where: str = ""


LANDLINE = Cause(
    "landline", "Only a landline on file", "It takes no texts, but it can be called. A paper copy can be printed.",
    "See their details", "/contact-details",
)  # fmt: skip
NOTHING = Cause(
    "nothing", "Nothing on file that we can use",
    "No number or address for the ways that were chosen. A paper copy can be printed.",
    "See their details", "/contact-details",
)  # fmt: skip
DEAD = Cause(
    "dead", "Number not in use, or mailbox gone", "What was sent there lately failed too.", "See their details",
    "/contact-details",
)  # fmt: skip
STRANGER = Cause(
    "wrong", "Somebody else’s number", "Whoever answers there says that it is not this family’s.",
    "See their details", "/contact-details",
)  # fmt: skip
STOPPED = Cause(
    "stopped", "Asked us to stop", "They replied STOP, and nothing else on file works. Phone them, or print a letter."
)
DECLINED = Cause("declined", "Want no messages of this kind", "They said so themselves. Nothing for you to do.")
LIMIT = Cause("limit", "Have had as many as they may get", "It was left out, as the school’s limit says.")
BARRED = Cause(
    "barred", "Only people who must not be contacted", "Nobody else is on file for these children.",
    "See their details", "/contact-details",
)  # fmt: skip
OFF = Cause("off", "Phone off or full, or nobody answered", "We tried as often as is sensible.")
REFUSED = Cause("refused", "The network refused it", "It took the words for advertising, or would not carry them.")
LATE = Cause("late", "Too late to be worth saying", "It had not left by then.")
TAKEN_BACK = Cause("taken-back", "Taken back", "It was stopped before it left.")
LANGUAGE = Cause("language", "Read another language", "This announcement was for readers of some languages only.")
CONSENT = Cause("consent", "Have not agreed to hear of it", "The law asks for that before anything is sold.")
TRIAL = Cause("trial", "Held back by the trial", "Until it ends, only its guests get anything.")
OTHER = Cause("other", "It did not arrive", "The provider did not say more.")

#: Of several the first is named. That nothing is on file holds only where nothing else is known: a phone that is off,
#: or a text that was taken back, is something on file.
EVERY: Final = (
    DEAD, STRANGER, OFF, STOPPED, REFUSED, DECLINED, LIMIT, CONSENT, LANGUAGE, LATE, TAKEN_BACK, TRIAL, LANDLINE,
    NOTHING, BARRED, OTHER,
)  # fmt: skip

#: By the reason of a message (``channels.base.Reason``, ``guard.REASONS``, the sweeper's own words).
_OF: Final = {
    reason: cause
    for cause, reasons in (
        (LANDLINE, ("landline",)),
        (NOTHING, ("no_number", "no_email", "no_texts", "nobody")),
        (DEAD, ("dead", "bad_address", "gone")),
        (STRANGER, ("wrong_number", "stranger")),
        (OFF, ("unreachable", "full", "no_answer", "busy", "voicemail", "temporary", "in_doubt")),
        (STOPPED, ("opted_out",)),
        (REFUSED, ("blocked", "filtered", "content", "too_long", "config", "auth", "rate", "no_sender")),
        (BARRED, ("barred", "barred_address")),
        (DECLINED, ("declined",)),
        (LIMIT, ("over_limit",)),
        (CONSENT, ("no_consent",)),
        (LANGUAGE, ("other_language",)),
        (LATE, ("expired", "unapproved")),
        (TAKEN_BACK, ("cancelled",)),
        (TRIAL, ("trial",)),
    )
    for reason in reasons
}


def of(reasons: list[str]) -> Cause:
    """The cause that several reasons come to: whatever a person can mend stands before what only happened."""
    found = {_OF.get(reason, OTHER) for reason in reasons if reason}
    return next((cause for cause in EVERY if cause in found), OTHER)


def by_key(key: str) -> Cause | None:
    """A cause by its key."""
    return next((cause for cause in EVERY if cause.key == key), None)
