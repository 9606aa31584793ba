"""Why a message does not leave: the words of the database, and the sentences that staff read."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.models import MessageState

#: More parts than this no network likes, and no parent reads (GOV.UK Notify stops at 918 characters, 6 parts).
MOST_PARTS = 6

AGAIN = ":again"  #: ends the slot of a copy that was sent after its first had failed; twice, of a copy's copy

NOT_REACHED = "not_reached"  #: only if no earlier step reached the contact
NOT_ANSWERED = "not_answered"  #: only if the contact has not answered this run
NOT_OVERTAKEN = "not_overtaken"  #: only if the household has said nothing of the event since this was written
ALARMED = "alarmed"  #: only if the alarm that it follows has left, or will; a later step: and nobody has answered it
TOGETHER = "together"  #: only if everything that it says is still to be said (``gateway/digest.py``)
UNACCOUNTED = "unaccounted"  #: only if nobody knows yet where any of the children is that it asks about

NEWER = "newer"  #: the reason of what was taken back because something newer was said in its place

BESIDE = "beside"  #: only beside a text that has left (``in_reply_to``), and where no other menu waits: for a language


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a message does not leave, and what it becomes; ``queued``: not yet."""

    state: MessageState
    reason: str
    text: str


REASONS: dict[str, str] = {
    "barred": "Must not be contacted about this child.",
    "barred_address": "This phone or mailbox also belongs to somebody who must not be contacted about this child.",
    "nobody": "Nobody is on file who may be told about this child.",
    "other_language": "Reads another language than those that this notice is for.",
    "no_number": "No phone number on file.",
    "no_email": "No email address on file.",
    "landline": "Only a landline on file: texts to landlines may be read aloud.",
    "no_texts": "This number does not take texts.",
    "opted_out": "Asked us to stop.",
    "declined": "This family wants no messages of this kind by this way.",
    "by_email": "Goes to this family by email instead.",
    "by_sms": "Goes to this family by text instead.",
    "over_limit": "The family has had as many texts as it may get.",
    "changed": "Something in it was not to be said any more: the rest goes by itself.",
    "dead": "The number or address does not work.",
    "wrong_number": "Whoever answers there says that it is not this family's.",
    "merged": "Told by the same phone or mailbox as another contact.",
    "expired": "It was no longer worth saying.",
    "reached": "Reached by an earlier step already.",
    "answered": "Has answered already.",
    "cancelled": "The notice was cancelled.",
    "taken_back": "Taken back by whoever wrote it, before it left.",
    "newer": "Something newer was said in its place.",
    "not_alarmed": "The alarm that it follows has not gone to this contact.",
    "accounted_for": "It became known where the child is.",
    "left": "The child has left the school.",
    "child_deceased": "The child has died.",
    "deceased": "This contact has died.",
    "stranger": "No longer on file with this number or address for a child that it names.",
    "arrived": "An earlier copy has arrived after all.",
    "too_long": f"The text would need more than {MOST_PARTS} parts.",
    "another_menu": "Another question of ours may be answered there.",
    "not_beside": "The text that it was to go beside has not left.",
    "not_yet": "It waits for the text that it goes beside.",
    "paused": "Held back until the notice goes on.",
    "trial": "Trial: not on the guest list.",
    "no_consent": "Has not agreed to hear of fundraising or paid offers.",
    "restored": "It may have left after the copy was made that the database was restored from. The provider is asked.",
    "restored_absent": "The provider's list shows that it has not left since that copy was made.",
    "restored_unclear": "It may have left since that copy was made, and nobody can tell.",
    "no_sender": "No number or address to send as is set up for this medium.",
}


def kept(only_if: str) -> str:
    """What a copy of a message still depends on: a question about a child is never asked when it is answered, nor that
    for a language beside another menu; nor is anybody reminded who has answered.
    """
    return only_if if only_if in (UNACCOUNTED, BESIDE, NOT_OVERTAKEN) else ""
