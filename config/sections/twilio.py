"""Texts and calls by Twilio."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from config import values

#: Pauses between two looks at Twilio's lists, in seconds: where they are the only way in, and where webhooks are.
_POLL_S, _CATCH_UP_S = 30.0, 900.0


class TextSender(values.Section):
    """One number, messaging service or name that texts are sent as."""

    address: values.TextSender = Field(
        description="+44… number, MG… messaging service, or a name of up to 11 letters and digits"
    )
    parts_per_second: float = Field(
        default=1.0, gt=0, le=2000, description="Text parts a second that the provider's contract allows"
    )
    burst: int = Field(default=1, ge=1, le=10_000, description="Text parts that may leave at once after a rest")


class VoiceSender(values.Section):
    """One number that calls are made from."""

    address: values.Number = Field(description="+44… number that families can ring back")
    calls_per_second: float = Field(
        default=1.0, gt=0, le=100, description="New calls a second that the contract allows"
    )
    burst: int = Field(default=1, ge=1, le=100, description="Calls that may start at once after a rest")


class SharedKey(values.Section):
    """One of Twilio's webhook keys (HMAC-SHA256)."""

    key_id: str = Field(min_length=1, description="Its name in the header X-Twilio-Webhooks-Signature-Settings")
    secret: SecretStr = Field(min_length=1, description="The key itself")


class Twilio(values.Section):
    """Texts and calls."""

    account_sid: values.AccountSid = Field(default="", description="The account's SID, which begins with AC")
    auth_token: SecretStr = Field(default=values.NO_SECRET, description="The account's auth token")
    accepted_tokens: Annotated[tuple[SecretStr, ...], values.Listed] = Field(
        default=(), description="Further tokens that may sign webhooks, while the token is being changed"
    )
    shared_keys: Annotated[tuple[SharedKey, ...], values.Listed] = Field(
        default=(), description="Keys that may sign webhooks by HMAC-SHA256"
    )
    api_base_url: values.WebAddress = Field(
        default="https://api.twilio.com", min_length=1, description="Where Twilio's API answers"
    )
    sms_senders: Annotated[tuple[TextSender, ...], values.Listed] = Field(
        default=(), description="What texts are sent as"
    )
    voice_senders: Annotated[tuple[VoiceSender, ...], values.Listed] = Field(
        default=(), description="Numbers that calls are made from"
    )
    connect_timeout_s: float = Field(default=5.0, gt=0, le=60, description="Patience for a connection, in seconds")
    read_timeout_s: float = Field(default=15.0, gt=0, le=120, description="Patience for an answer, in seconds")
    poll: Literal["auto", "always", "never"] = Field(
        default="auto",
        description="Whether we ask Twilio for texts and receipts. auto: often where web.public_base_url is empty, as "
        "nothing comes back otherwise, else now and then, to catch what a webhook missed; always: often; never: not",
    )
    poll_every_s: float | None = Field(
        default=None,
        ge=1,
        le=86_400,
        description="Pause between two looks, in seconds: the delay of answers and receipts where nothing else brings "
        "them. Not set: 30, or 900 where it is only to catch what was missed",
    )
    # No DetectMessageEnd: Twilio listens beside the call, which never waits for a beep, so it would only report later.
    answering_machine_detection: Literal["off", "enable"] = Field(
        default="off",
        description="enable: Twilio says, for a charge per call, whether a machine answered; "
        "calls never wait for that, and are safe without it: a key opens them",
    )

    voices: Annotated[tuple[values.VoiceChoice, ...], values.Listed] = Field(
        default=(),
        description="Voices of your own choice, such as “pl: Polly.Ewa”; “cy:” alone: none, only recordings",
    )

    def chosen_voices(self) -> dict[str, str]:
        """Give the school's own voices: language -> name, ``""`` for none at all."""
        return {tag.strip(): name.strip() for tag, _, name in (one.partition(":") for one in self.voices)}

    def look_every_s(self, *, called_back: bool) -> float | None:
        """Give the pause between two looks at Twilio's lists, in seconds; None where there are none.

        ``called_back``  whether Twilio can reach us
        """
        if self.poll == "never":
            return None
        catch_up = called_back and self.poll == "auto"
        return self.poll_every_s or (_CATCH_UP_S if catch_up else _POLL_S)
