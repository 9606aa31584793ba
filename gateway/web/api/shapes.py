"""What the API shows: plain shapes, so that a column can change without the API changing."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from channels.base import Medium, Outcome
from gateway import can_send
from gateway.models import Keyword, LineType, MessageState, NoticeState, PointKind, PointState, Purpose, Wish

GIST = "What a reply in another language says in English, by a machine; empty where there is none"


class Shape(BaseModel):
    """Read from a row by name."""

    model_config = ConfigDict(from_attributes=True)


class Notice(Shape):
    """A notice, in a list."""

    id: str
    key: str
    title: str
    purpose: Purpose
    state: NoticeState
    author: str
    approver: str
    created_at: datetime
    approved_at: datetime | None
    next_fire_at: datetime | None = Field(description="When it fires next; null when it never will again")
    trouble: str = Field(description="Why it is broken, as a sentence")


class Count(Shape):
    """How many messages are in a state, by medium and reason."""

    medium: Medium
    state: MessageState
    reason: str
    messages: int


class NoticeDetails(Notice):
    """A notice with its definition and what came of it so far."""

    definition: dict[str, Any]
    counts: list[Count]
    families: Families | None = Field(
        description="How far the latest run has come, by family; null before there is one"
    )


class Families(Shape):
    """Families, not messages: one is reached when of each of its children somebody was told by what has arrived."""

    all: int
    children: int
    reached: int
    on_the_way: int
    to_try: int
    not_reached: int


class NoticeTaken(Notice):
    """A notice that was taken in."""

    load: Load | None = Field(description="What these families had got this week; null where no text of it can wait")
    worries: list[str] = Field(description="With bad news of a child: that nothing good was said for long")


class Cancelled(Shape):
    """What a cancellation could still take back."""

    key: str
    taken_back: int = Field(description="Messages that had not left")


class Merge(Shape):
    """Everything that making one of two contacts does, in sentences."""

    kept: str = Field(description="The contact who stays")
    other: str = Field(description="The one who becomes part of it")
    warnings: list[str] = Field(description="What to look at before: they may be two people")
    person: list[str]
    children: list[str] = Field(description="Of each child, what the person is to it then, and whether barred")
    ways: list[str] = Field(description="Phones and mailboxes")
    wishes: list[str]
    moves: dict[str, int] = Field(description="How many messages, answers, conversations … follow the person")


class PreviewPupil(Shape):
    """A pupil that a message is about."""

    id: int
    name: str


class PreviewRow(Shape):
    """One message that would be sent, or somebody who would get nothing and why."""

    contact_id: int | None
    contact: str = Field(description="Name of the contact; empty where nobody is on file")
    pupils: list[PreviewPupil]
    medium: Medium
    step: int
    due_at: datetime
    state: MessageState
    reason: str = Field(description="Why nothing would be sent, in a word")
    reason_text: str = Field(description="The same as a sentence")
    remark: str = Field(description="What it waits for, was moved by, or passes: quiet hours, a preference, a limit")
    wanted_language: str
    language: str = Field(description="The language that would really be used")
    translation: str = Field(description="State of that translation, such as reviewed or draft")
    subject: str
    text: str
    parts: int
    pence: float


class Preview(Shape):
    """What would happen. Nothing of it was written."""

    fires_at: datetime
    problems: list[str] = Field(description="What the definition asks for and nobody has; it could not be sent so")
    counts: list[Count]
    families: int
    children: int
    unreachable: int = Field(description="Families of whom some child's news would reach nobody")
    parts: int = Field(description="Text parts in all")
    pence: float = Field(description="As good as the prices in the settings")
    load: Load | None = Field(description="What these families got this week; null where no text of it can wait")
    rows: list[PreviewRow]
    worries: list[str] = Field(description="With bad news of a child: that nothing good was said for long")


class Draft(Shape):
    """A version that a machine wrote: its `text`, its `subject`, and `option 1` … of the answers."""

    language: str
    by: str = Field(description="The service")
    text: dict[str, str]
    back: dict[str, str] = Field(description="The same, put back into English")
    sentences: int
    reviewed: int = Field(description="How many of the sentences a person has reviewed before")
    doubts: list[str] = Field(description="What a reader should look at")


class NoDraft(Shape):
    """A language that has no draft."""

    language: str
    why: str


class Drafted(Shape):
    """What came of asking for drafts."""

    drafts: list[Draft]
    refused: list[NoDraft]
    characters: int = Field(description="Sent to the service, there and back")
    pence: float = Field(description="As good as the price in the settings")
    definition: dict[str, Any] = Field(description="The definition with the drafts in it")


class Reviewed(Shape):
    """A version that a person stands for."""

    sentences: int = Field(description="How many are remembered")
    doubts: list[str] = Field(description="What to look at once more")
    definition: dict[str, Any] = Field(description="The definition with the reviewer in it")


class Message(Shape):
    """A message, in a list: without words and address."""

    id: str
    contact_id: int | None
    medium: Medium
    step: int
    state: MessageState
    reason: str
    reason_text: str
    remark: str = Field(description="What it waited for, was moved by, or passed: quiet hours, a preference, a limit")
    language: str
    words_state: str = Field(description="Who had read those words: source, reviewed, draft or machine")
    parts: int
    pence: float
    attempt: int = Field(description="How many times it was tried")
    due_at: datetime
    not_after: datetime | None
    changed_at: datetime


class Attempt(Shape):
    """One call of a provider."""

    number: int
    begun_at: datetime
    ended_at: datetime | None
    outcome: Outcome | None
    code: str
    reason: str
    text: str


class Receipt(Shape):
    """A provider's later word."""

    state: str
    reason: str
    code: str
    received_at: datetime
    outcome: str = Field(description="What came of it: changed, stale, orphan; empty while it waits")


class Deed(Shape):
    """A line of the audit log."""

    at: datetime
    actor: str
    action: str
    facts: dict[str, Any]


class Reply(Shape):
    """Words or key presses of a person."""

    id: int
    at: datetime
    body: str
    keys: str
    option: str = Field(description="The answer of the menu that it was taken for; empty when a person must read it")
    keyword: Keyword | None
    settled: str = Field(description="What a machine understood, where that leaves nothing to read")
    message_id: str | None
    contact_id: int | None
    seen_at: datetime | None
    seen_by: str


class MessageDetails(Message):
    """A message with its words, its address and everything that happened to it."""

    notice: str = Field(description="Key of its notice; empty for an answer to a person")
    digest: str = Field(description="The id of the digest that it went in; empty where it went by itself")
    holds: list[str] = Field(description="The ids of the messages that went within it, where it is a digest")
    address: str
    subject: str
    body: str
    pupil_ids: list[int]
    attempts: list[Attempt]
    receipts: list[Receipt]
    deeds: list[Deed]
    replies: list[Reply]


class Conversation(Shape):
    """Whom a reply came from."""

    id: int
    medium: Medium
    address: str
    contact_id: int | None = Field(description="Null for an address that nobody has, or that two people share")
    waiting_since: datetime | None


class InboundReply(Reply):
    """A reply with its sender."""

    conversation: Conversation
    contact: str = Field(description="Name of the sender; empty when it is not known")
    gist: str = Field(default="", description=GIST)


class Contact(Shape):
    """A grown-up in a child's life."""

    id: int
    source_id: str
    full_name: str
    written_language: str
    spoken_language: str
    further_languages: str
    interpreter: bool


class Point(Shape):
    """A phone or mailbox and what the evidence says of it."""

    id: int
    kind: PointKind
    address: str
    line_type: LineType
    label: str
    rank: int
    state: PointState
    strikes: int
    confirmed_at: datetime | None
    last_good_at: datetime | None
    last_bad_at: datetime | None
    last_bad_reason: str
    stopped: list[Stopped]


class Stopped(Shape):
    """A medium by which an address wants to hear no more."""

    medium: Medium
    since: datetime
    how: str
    mandatory_too: bool = Field(description="Whether it stops mandatory messages as well")


class Child(Shape):
    """What the contact is to a pupil."""

    pupil_id: int
    name: str
    form: str
    relation: str
    priority: int
    parental_responsibility: bool
    lives_with: bool
    barred: bool = Field(description="Must not be contacted about this child today")


class ContactDetails(Contact):
    """A contact with every way to reach it, and its children."""

    points: list[Point]
    children: list[Child]


class StopWish(BaseModel):
    """What a person asked the office for."""

    model_config = ConfigDict(extra="forbid")

    medium: Medium
    mandatory_too: bool = Field(
        default=False, description="Whether to stop messages about safety and schooling as well"
    )


class StoppedNow(Shape):
    """How many addresses were stopped that were not stopped before."""

    addresses: int


class Declined(Shape):
    """A topic that a phone or mailbox of the contact has declined itself, by text."""

    topic: str
    medium: Medium
    since: datetime


class Preferences(Shape):
    """How a contact hears of each topic by each medium."""

    topics: dict[str, dict[Medium, Wish]] = Field(description="`other` is what is of no topic and can be declined")
    declined_by_phone: list[Declined]


class PreferenceWish(BaseModel):
    """What somebody chose for one topic."""

    model_config = ConfigDict(extra="forbid")

    topic: str = Field(max_length=40, description="A topic by its key or a name, `other`, or `*` for all")
    media: dict[Medium, Wish] = Field(min_length=1)


class Load(Shape):
    """What the families that a notice would reach got this week already. Said once to both parents counts once."""

    families: int
    families_by_texts: dict[int, int] = Field(description="How many families had so many texts")
    emails: int
    calls: int
    over: int = Field(description="Families that have as many texts as they may get, today or this week")


class Sender(Shape):
    """A number or From address that we send as."""

    id: int
    channel: str
    medium: Medium
    address: str
    rate: float = Field(description="Parts, calls or mails a second")
    burst: float
    active: bool
    held_until: datetime | None
    held_because: str


class Way(Shape):
    """A sender, and what waits for it."""

    id: int
    channel: str
    medium: Medium
    address: str
    state: Literal["sends", "held", "refused"] = Field(description="refused: the provider will not have us")
    because: str
    waiting: int
    oldest_due_at: datetime | None


class Waiting(Shape):
    """What waits, by medium and priority."""

    medium: Medium
    priority: int = Field(description="0 goes first: alarms; 1 absences; 2 announcements; 3 good news and questions")
    messages: int
    oldest_due_at: datetime | None


class CanSend(Shape):
    """Whether messages leave and answers come in."""

    ready: bool
    reasons: list[str] = Field(description="Why not, each a sentence")
    trial: bool = Field(description="Only guests get anything")
    senders: list[Way]
    queues: list[Waiting]
    copied_at: datetime | None = Field(description="When the database was copied last; null where it never was")

    @classmethod
    def of(cls, answer: can_send.Answer, now: datetime) -> CanSend:
        """The same as a page and the command line show."""
        ways = [
            Way(
                id=one.sender.id or 0, channel=one.sender.channel, medium=one.sender.medium,
                address=one.sender.address, state=one.state(now),
                because=one.sender.held_because if one.state(now) != "sends" else "", waiting=one.waiting,
                oldest_due_at=one.oldest,
            )
            for one in answer.ways
        ]  # fmt: skip
        queues = [
            Waiting(medium=Medium(medium), priority=priority, messages=count, oldest_due_at=oldest)
            for (medium, priority), (count, oldest) in sorted(answer.queued.items())
        ]
        reasons = list(answer.reasons)
        return cls(
            ready=not reasons, reasons=reasons, trial=answer.trial, senders=ways, queues=queues,
            copied_at=answer.copied_at,
        )  # fmt: skip
