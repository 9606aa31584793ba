"""Of every table: what of a person it holds, why, and when it goes. ``docs/data-protection.md`` is made of it.

A table that is not here, or a column of text of which nothing is said, fails a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Kind(StrEnum):
    """What a column tells of a person."""

    NAME = "names"
    ADDRESS = "numbers and addresses"
    WORDS = "words"
    HEALTH = "health"  #: special category (UK GDPR article 9), or words that often are
    ID = "ids in other systems"


class Clock(StrEnum):
    """How long it is kept. The first six are settings (``retention``)."""

    WORDS = "words"
    ATTENDANCE = "attendance"
    RECEIVED = "received"
    CODES = "codes"
    IMPORTS = "imports"
    RECORDS = "records"
    VOICE = "voice"  #: ``phone_line.retention_days``
    ROLL = "roll"  #: while the school's own records list the person; erased on demand
    WITH = "with"  #: goes with the row that it belongs to
    STAFF = "staff"  #: an account or a deed of staff: while they work here
    SAID = "said"  #: what the school said to many: kept; who is erased is taken out of its words
    ALWAYS = "always"  #: proof, or a person's own wish that must outlast them
    NOBODY = "nobody"  #: nobody's personal data


@dataclass(frozen=True, slots=True)
class Holding:
    """One table: ``what`` it holds, ``why``, its clock, and its columns that tell something of a person, by kind.

    ``goes``  erasing a person takes the whole row; else its columns are emptied, and what is left names nobody
    """

    what: str
    why: str
    clock: Clock
    goes: bool
    columns: Mapping[str, Kind]


#: Columns of any table that tell nothing of a family: our own words, keys, and the names by which staff sign.
PLAIN: Final = frozenset(
    {
        "kind", "state", "medium", "purpose", "language", "written_language", "spoken_language",
        "further_languages", "likely_language", "likely_because", "reason", "action", "actor", "subject",
        "nonce", "mac", "hash", "how", "by", "author", "approver", "owner", "undone_by", "changed_by",
        "paused_by", "closed_by", "seen_by", "decided_by", "taken_by", "released_by", "withdrawn_by",
        "answered_by", "printed_by", "posted_by", "attended_by", "over_by", "ended_by", "by_hand_by", "done_by",
        "reviewed_by", "staff", "source", "channel", "stream", "trouble", "outcome", "option", "keyword",
        "settled", "keys", "key", "digest", "topic", "wish", "session", "filed", "form", "year", "forms",
        "listed_by", "relation", "line_type", "last_bad_reason", "bad_days", "ref", "message_id", "event_id",
        "only_if", "words_state", "remark", "in_reply_to", "worker", "code", "why_fast", "tell", "differs",
        "media", "told_on", "answer", "table_name", "field", "content_type", "sha256", "revision", "document",
        "found", "problems", "etag", "role", "service", "clip_language", "browser", "status", "counts", "files",
        "mapping", "notices", "praises", "drafts", "part", "line", "called", "notice_id", "batch", "added_by",
        "held_by",
    }
)  # fmt: skip

_HEARD, _PROOF = "to hear what families say, and answer", "to show later what was done, and when"
_TELL, _SAFE = "to tell those who answer for a child", "to know where a child is who should be in school"


def _of(what: str, why: str, clock: Clock, *, goes: bool = False, **columns: str) -> Holding:
    """A holding; each keyword is a kind with its columns, parted by spaces."""
    kinds = {"names": Kind.NAME, "addresses": Kind.ADDRESS, "words": Kind.WORDS, "health": Kind.HEALTH, "ids": Kind.ID}
    told = {column: kinds[kind] for kind, names in columns.items() for column in names.split()}
    return Holding(what, why, clock, goes, MappingProxyType(told))


def _plain(what: str, *, clock: Clock = Clock.NOBODY, goes: bool = False, **columns: str) -> Holding:
    return _of(what, "to do its work", clock, goes=goes, **columns)


HOLDINGS: Final[Mapping[str, Holding]] = MappingProxyType(
    {
        # People
        "pupil": _of("Children on roll", _TELL, Clock.ROLL, names="forename surname known_as born",
                     ids="source_id upn", words="home_language"),
        "contact": _of("Parents, carers and others in a child's life", _TELL, Clock.ROLL,
                       names="title forename surname", ids="source_id", addresses="postal_address"),
        "contact_alias": _of("Other ids of a contact in the school's records", _TELL, Clock.ROLL, goes=True,
                             ids="source_id"),
        "guardianship": _of("What a contact is to a child, and court orders", _TELL, Clock.ROLL, goes=True),
        "contact_point": _of("Phones and mailboxes, and whether they work", _TELL, Clock.ROLL, goes=True,
                             addresses="address label"),
        "membership": _of("Clubs and sets of a child", _TELL, Clock.ROLL, goes=True),
        "pupil_group": _plain("Clubs, sets and lists", words="name"),
        "opt_out": _of("Numbers and mailboxes that told us to stop", "to never write to them again", Clock.ALWAYS,
                       goes=True, addresses="address"),
        "suppression": _of("The same of people who were erased, of single topics too, as a keyed hash",
                           "to never write to them again", Clock.ALWAYS),
        "preference": _of("What somebody wants to hear of, and how", _TELL, Clock.ROLL, goes=True,
                          addresses="address"),
        "what_works": _of("By what and when somebody is reached", _TELL, Clock.ROLL, goes=True, words="because"),
        "next_try": _of("Further tries after silence", _TELL, Clock.WORDS, goes=True, addresses="address",
                        words="because"),
        "new_detail": _of("New numbers of which a family told us", "to keep contact details true", Clock.CODES,
                          goes=True, addresses="old_address address", words="why before", ids="open_key"),
        "fresh_question": _of("Whether a number is still the best", "to keep contact details true", Clock.RECORDS,
                              goes=True, addresses="address"),
        # What is said
        "notice": _of("What the school wants said", _TELL, Clock.SAID, words="title definition"),
        "notice_file": _of("Files that went along with emails", _TELL, Clock.SAID, words="name content"),
        "announcement_draft": _of("What staff are writing", _TELL, Clock.WORDS, words="title typed"),
        "run": _plain("Firings of notices"),
        "message": _of("What was written or said to one phone or mailbox, or why nothing was", _TELL, Clock.WORDS,
                       words="subject body script reason_text", addresses="address slot"),
        "about": _of("Which children a message named", _PROOF, Clock.WITH),
        "attempt": _of("Calls of a provider for a message", _PROOF, Clock.WITH, words="text"),
        "digest_item": _of("Messages that went together", _PROOF, Clock.WITH),
        "letter": _of("Notices on paper", _TELL, Clock.WORDS, words="body", addresses="lines"),
        "event_told": _of("Invitations and reminders", _TELL, Clock.WITH, words="menu"),
        "school_event": _plain("Dated events of the school", words="title place"),
        "event_slot": _plain("Times of an event", words="host place"),
        "event_guest": _of("Households invited to an event, and their answers", _TELL, Clock.ROLL,
                           ids="household"),
        "event_party": _of("Who of a household", _TELL, Clock.ROLL, goes=True),
        # What came back
        "inbound": _of("Events as the provider sent them", _PROOF, Clock.RECEIVED, health="event raw"),
        "conversation": _of("With whom words were changed", _HEARD, Clock.ROLL, addresses="address"),
        "conversation_note": _of("Notes of staff beside them", _HEARD, Clock.WORDS, goes=True, health="text"),
        "promise": _of("Until when an answer was promised", _HEARD, Clock.WITH),
        "reply": _of("What a person answered", _HEARD, Clock.WORDS, health="body"),
        "gist": _of("The same in English, by a machine", _HEARD, Clock.WORDS, goes=True, health="text"),
        "phone_call": _of("Calls to the school", _HEARD, Clock.RECORDS, addresses="caller"),
        "phone_report": _of("Absences reported by telephone", _SAFE, Clock.ATTENDANCE, goes=True),
        "voice_message": _of("That a voice message was left", _HEARD, Clock.WITH, words="clip_said clip_words"),
        "voice_sound": _of("Its sound", _HEARD, Clock.VOICE, goes=True, health="content"),
        # The day
        "mark": _of("Marks of the register, a copy", _SAFE, Clock.ATTENDANCE, health="comment"),
        "register": _plain("When a register was looked through"),
        "absence_reason": _of("Why a child is away", _SAFE, Clock.ATTENDANCE, health="intent", names="said_by"),
        "absence_case": _of("Children who were not accounted for", _SAFE, Clock.ATTENDANCE, names="by",
                            health="intent comment"),
        "absence_step": _of("What was done about it", _SAFE, Clock.WITH, health="facts", names="who"),
        "absence_heard": _of("Answers that were looked at for it", _SAFE, Clock.WITH),
        "emergency": _plain("Alarms"),
        "emergency_notice": _plain("Their notices", words="facts"),
        "emergency_word": _of("That a child is safe, as staff heard", _SAFE, Clock.RECORDS, words="how"),
        "praise": _of("Good news of a child", "to tell families good news", Clock.WORDS, goes=True, words="words"),
        "praise_nudge": _plain("Which children had no good news for longest, by number"),
        "survey": _plain("Surveys", words="title definition closing"),
        "survey_notice": _plain("Their questions"),
        "survey_taker": _of("Who has answered how many questions", "to ask nobody twice", Clock.ROLL, goes=True),
        "survey_answer": _of("Answers of a survey that is not anonymous", _HEARD, Clock.ROLL, goes=True,
                             words="words"),
        "survey_tally": _plain("Counted answers"),
        # Where people come from
        "import_source": _plain("Exports that come again", words="name"),
        "import_run": _plain("Imports"),
        "import_change": _of("What an import changed", "to undo it", Clock.IMPORTS, goes=True, words="before after"),
        "import_conflict": _of("A file against what a family said", "to keep contact details true", Clock.CODES,
                               goes=True, words="ours theirs what change", ids="open_key"),
        # Staff, proof and the machine
        "account": _plain("Staff who may sign in", clock=Clock.STAFF, names="name name_key email",
                          words="password secret"),
        "account_form": _plain("Their classes", clock=Clock.STAFF),
        "account_session": _plain("Where they are signed in", clock=Clock.STAFF),
        "account_link": _plain("Links by which they sign in first", clock=Clock.STAFF),
        "recovery_code": _plain("Their spare codes, hashed", clock=Clock.STAFF),
        "sign_in_try": _plain("Wrong passwords, by mailbox and address", clock=Clock.CODES, goes=True),
        "task": _of("What waits for a person", _PROOF, Clock.RECORDS, words="what cure", ids="open_key"),
        "audit": _of("Who did what: ids, counts and reasons, no words and no numbers", _PROOF, Clock.ALWAYS,
                     words="body"),
        "audit_end": _plain("The signed end of that log"),
        "api_token": _plain("Programs that may ask", words="name"),
        "idempotency": _of("Answers once given to a program", "to do nothing twice", Clock.CODES, goes=True,
                           words="body"),
        "scrub": _of("What is to be deleted at a provider", "to leave no copy there", Clock.RECORDS),
        "sender": _plain("Numbers and mailboxes of the school", addresses="address account", words="held_because "
                         "open_reason"),
        "trial": _plain("Whether a trial goes on"),
        "trial_guest": _plain("Phones and mailboxes that something reaches during the trial", clock=Clock.RECORDS,
                              goes=True, addresses="address", names="name"),
        "waiver": _plain("What somebody answers for, of the check before going live", clock=Clock.STAFF,
                         words="because"),
        "watermark": _plain("How far a provider's list was read"),
        "campaign": _plain("Notices that go out again and again"),
        "campaign_firing": _plain("Their firings", words="why"),
        "day_hold": _plain("Days on which all is held"),
        "school_calendar": _plain("The school's calendar"),
        "calendar_closure": _plain("Days on which nobody comes", words="school why"),
        "calendar_feed": _plain("Calendars that are followed", words="school"),
        "known_sentence": _plain("Sentences that were translated before", words="text back"),
        "clip": _plain("Recorded phrases, by staff", words="said words content"),
        "voice_invite": _plain("Invitations to record some", words="script"),
    }
)  # fmt: skip
