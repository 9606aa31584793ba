"""Texts and emails by GOV.UK Notify."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr

from config import values


class Notify(values.Section):
    """GOV.UK Notify: texts and emails for state-funded schools. How often its lists are asked says twilio.poll."""

    api_key: SecretStr = Field(default=values.NO_SECRET, description="A live API key of your service, whole")
    callback_token: SecretStr = Field(
        default=values.NO_SECRET, description="The bearer token that Notify is told to call us back with"
    )
    api_base_url: values.WebAddress = Field(
        default="https://api.notifications.service.gov.uk", min_length=1, description="Where Notify's API answers"
    )
    sms_template: str = Field(default="", max_length=36, description="Id of a text template whose body is ((body))")
    email_template: str = Field(
        default="", max_length=36, description="Id of an email template: subject ((subject)), body ((body))"
    )
    sms_senders: Annotated[tuple[values.NotifySender, ...], values.Listed] = Field(
        default=(),
        description="What texts are sent as: a number that Notify gave you, or a name, each with its id at Notify: "
        "“+447700900001: 8e222534-…”; without an id: the service's default",
    )
    parts_per_second: float = Field(
        default=20.0, gt=0, le=50, description="Text parts a second as each of them; Notify takes 50 in all"
    )
    email_address: values.MailAddress = Field(
        default="", description="The address that Notify sends emails from, as its settings show it"
    )
    email_reply_to_id: str = Field(default="", max_length=36, description="Id of the reply-to address at Notify")
    emails_per_second: float = Field(default=20.0, gt=0, le=50, description="Emails a second; Notify takes 50")
    free_text_parts: int = Field(
        default=5000, ge=0, le=10_000_000, description="Text parts that cost nothing in a year from 1 April"
    )
    pence_per_text_part: float = Field(default=2.4, ge=0, le=1000, description="One part of a text beyond those")
    abroad: bool = Field(default=False, description="Whether your service may text numbers outside the UK")

    def senders(self) -> dict[str, str]:
        """Give what texts are sent as, each with its id at Notify, ``""`` for the service's default."""
        parted = [one.partition(":") for one in self.sms_senders]
        return {address.strip(): found.strip() for address, _, found in parted}

    @property
    def in_use(self) -> bool:
        """Whether anything goes out by Notify."""
        return bool(self.sms_senders or self.email_address)
