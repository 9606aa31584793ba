"""The life of a text: from the provider's list to the handset, its receipts, and what the person answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from channels.simulator import records
from channels.simulator.callbacks import Hooks
from channels.simulator.faults import Faults, Kind
from channels.simulator.magic import TextFate, TextStatus
from channels.simulator.records import Text
from channels.simulator.tasks import Tasks
from channels.simulator.world import Phone, World

# Twilio's default keywords on long codes (help article "Twilio support for opt-out keywords"); only a whole message
# counts, whatever its case: "STOP PLEASE" stops nothing.
STOP_WORDS = frozenset({"STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"})
START_WORDS = frozenset({"START", "UNSTOP", "YES"})
HELP_WORDS = frozenset({"HELP", "INFO"})
STOPPED_WORDS = (
    "You have successfully been unsubscribed. You will not receive any more messages from this number. "
    "Reply START to resubscribe."
)
STARTED_WORDS = "You have successfully been re-subscribed to messages from this number. Reply HELP for help."
HELPED_WORDS = "Reply STOP to unsubscribe. Msg&Data Rates May Apply."


class CannotReply(ValueError):
    """This phone has nobody to text to; ``str()`` says why."""


class Elsewhere(Protocol):
    """Another provider, with numbers of its own."""

    def answers_for(self, sender: str) -> bool:
        """Whether a number is one of them."""
        ...

    def receive(self, text: Text) -> None:
        """A person has texted it."""
        ...


class Carrier:
    """Takes texts from the gateway to the phones and from the phones to the gateway."""

    def __init__(self, *, account_sid: str, world: World, hooks: Hooks, faults: Faults, tasks: Tasks) -> None:
        self._account = account_sid
        self._world = world
        self._hooks = hooks
        self._faults = faults
        self._tasks = tasks

    def take(self, form: Mapping[str, str]) -> tuple[Text, TextFate]:
        """Enter a text that the provider accepted. Give its fate to :meth:`start` once the answer is made."""
        world, now = self._world, self._world.now()
        service = form.get("MessagingServiceSid") or None
        body = form["Body"]
        text = Text(
            sid=world.new_sid("SM"),
            sender=form.get("From") or world.settings.service_number,
            to=form["To"],
            body=body,
            direction="outbound-api",
            status=TextStatus.ACCEPTED if service else TextStatus.QUEUED,
            created=now,
            updated=now,
            segments=records.count_segments(body),
            service_sid=service,
            callback=form.get("StatusCallback", ""),
        )
        world.add_text(text)
        return text, world.text_fate(world.phone(text.to))

    def start(self, text: Text, fate: TextFate) -> None:
        """Let it travel. What needs no waiting is done at once, without a task: most texts of a benchmark."""
        phone = self._world.phone(text.to)
        if text.callback or self._world.settings.pace or self._world.script_of(phone).replies:
            self._tasks.spawn(self._travel(text, fate, phone))
        else:
            self._world.finish(text, fate)

    def resume(self) -> None:
        """After a start from a journal: what was on its way travels on, and what was not told is told."""
        for text in [text for text in self._world.texts.values() if text.is_ours and not text.told]:
            if not text.arrived and text.error_code is None:
                self.start(text, self._world.text_fate(self._world.phone(text.to)))
            elif text.callback:
                self._tasks.spawn(self._tell(text))

    async def _travel(self, text: Text, fate: TextFate, phone: Phone) -> None:
        text.status, text.sent = TextStatus.SENT, self._world.now()
        if self._world.settings.pace:
            await asyncio.sleep(self._world.settings.pace)
            fate = fate if phone.on else self._world.text_fate(phone)
        self._world.finish(text, fate)
        nth = phone.got
        if text.callback:
            await self._tell(text)
        script = self._world.script_of(phone)
        if text.arrived and nth <= len(script.replies) and script.replies[nth - 1]:
            await asyncio.sleep(script.after)
            self.reply(phone.number, script.replies[nth - 1], to=text.sender)

    async def _tell(self, text: Text) -> None:
        """Give the receipts: ``sent``, then the end. Twilio gives none for the first status."""
        steps = [TextStatus.SENT]
        if text.status is not TextStatus.SENT:
            steps.append(text.status)
        fault = self._faults.take("receipts")
        match fault.kind if fault else None:
            case Kind.LOSE:
                self._told(text)
                return
            case Kind.SHUFFLE:
                steps.reverse()
            case Kind.DOUBLE:
                steps = [step for step in steps for _ in range(2)]
            case Kind.LATE if fault:
                await asyncio.sleep(fault.seconds)
        for step in steps:
            await self._hooks.call(text.callback, self._receipt(text, step))
        self._told(text)

    def _told(self, text: Text) -> None:
        text.told = True
        self._world.note(text)

    def _receipt(self, text: Text, step: TextStatus) -> dict[str, str]:
        form = {
            "AccountSid": self._account,
            "ApiVersion": "2010-04-01",
            "From": text.sender,
            "MessageSid": text.sid,
            "MessageStatus": step.value,
            "SmsSid": text.sid,
            "SmsStatus": step.value,
            "To": text.to,
        }
        if text.service_sid:
            form["MessagingServiceSid"] = text.service_sid
        if step is not TextStatus.SENT:
            form["RawDlrDoneDate"] = text.updated.strftime("%y%m%d%H%M")
            if text.error_code:
                form["ErrorCode"] = str(text.error_code)
        return form

    def reply(
        self, number: str, words: str, *, to: str = "", media: int = 0, elsewhere: Elsewhere | None = None
    ) -> Text:
        """The person with this phone writes a text, to the last sender that wrote to them if no other is named.

        The gateway's webhook is told in the background; where none is set, the text is only in the list, to be polled.
        What goes to a number of another provider's is ``elsewhere``'s to tell. Raises :class:`CannotReply`.
        """
        world = self._world
        phone = world.phone(number)
        to = to or next((text.sender for text in reversed(phone.texts) if text.to == number), "")
        if not to.lstrip("+").isdigit():
            why = f"{to} is a name, and names cannot be replied to" if to else "It has had no text to reply to yet"
            raise CannotReply(f"This phone cannot reply. {why}.")
        if elsewhere is not None and elsewhere.answers_for(to):
            text = self._make(sender=number, to=to, body=words, direction="inbound", status=TextStatus.RECEIVED)
            world.show(phone, text)
            elsewhere.receive(text)
            return text
        text = self._note(sender=number, to=to, body=words, direction="inbound", status=TextStatus.RECEIVED)
        text.media = media
        world.show(phone, text)
        world.note(text)
        self._obey(phone, text)
        if url := world.settings.inbound_sms_url:
            self._tasks.spawn(self._hand_over(text, url))
        return text

    async def _hand_over(self, text: Text, url: str) -> None:
        answer = await self._hooks.call(url, self._inbound(text))
        if answer.fine and "<Message" in answer.body:
            self._world.complaints.append("The gateway answered a text with <Message>, which the phones do not show.")

    def _obey(self, phone: Phone, text: Text) -> None:
        """STOP, START and HELP, which the provider sees to itself."""
        word = text.body.strip().upper()
        if word in STOP_WORDS and text.to not in phone.stopped:
            self._say(phone, text, STOPPED_WORDS)  # said first: afterwards the number is blocked
            phone.stopped.add(text.to)
        elif word in START_WORDS and text.to in phone.stopped:
            phone.stopped.discard(text.to)
            self._say(phone, text, STARTED_WORDS)
        elif word in HELP_WORDS:
            self._say(phone, text, HELPED_WORDS)

    def _say(self, phone: Phone, cause: Text, words: str) -> None:
        text = self._note(
            sender=cause.to, to=phone.number, body=words, direction="outbound-reply", status=TextStatus.DELIVERED
        )
        text.by_provider = True
        self._world.show(phone, text)
        self._world.note(text)

    def _note(self, *, sender: str, to: str, body: str, direction: str, status: TextStatus) -> Text:
        text = self._make(sender=sender, to=to, body=body, direction=direction, status=status)
        self._world.add_text(text)
        return text

    def _make(self, *, sender: str, to: str, body: str, direction: str, status: TextStatus) -> Text:
        now = self._world.now()
        return Text(
            sid=self._world.new_sid("SM"),
            sender=sender,
            to=to,
            body=body,
            direction=direction,
            status=status,
            created=now,
            updated=now,
            sent=now,
            segments=records.count_segments(body),
        )

    def _inbound(self, text: Text) -> dict[str, str]:
        form = {
            "AccountSid": self._account,
            "ApiVersion": "2010-04-01",
            "Body": text.body,
            "From": text.sender,
            "FromCountry": "GB",
            "MessageSid": text.sid,
            "NumMedia": str(text.media),
            "NumSegments": str(text.segments),
            "SmsMessageSid": text.sid,
            "SmsSid": text.sid,
            "SmsStatus": "received",
            "To": text.to,
            "ToCountry": "GB",
        }
        for index in range(text.media):
            form[f"MediaContentType{index}"] = "image/jpeg"
            form[f"MediaUrl{index}"] = f"https://api.twilio.com/2010-04-01/Accounts/{self._account}/Media/{index}"
        return form
