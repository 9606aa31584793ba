"""What GOV.UK Notify says, in our own words (docs.notifications.service.gov.uk: error tables, message statuses).

Notify warns that the sentences of its errors may change, so nothing is read out of them but the name of the field that
a validation error begins with: that is a part of the request, not of the prose.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from channels.base import Medium, Outcome, Reason, ReceiptState


class Meaning(NamedTuple):
    """What follows from an answer to a message. ``wait`` in seconds, None where nobody knows."""

    outcome: Outcome
    reason: Reason
    text: str
    lane_wide: bool = False
    wait: float | None = None


_RETRY, _REFUSED = Outcome.RETRY, Outcome.REFUSED
_KEY = "Notify does not accept our key: check the setting notify.api_key, and the clock of this machine."
_SET_UP = (
    "Notify does not take what we ask for: is the service live, the key a live one, and are template and sender of "
    "this service?"
)
_ON_THE_WAY = "What answered did not speak like Notify: is there a proxy or a filter on the way?"

#: By HTTP status, kind of error, and the field that a validation error names; the longest that fits counts.
REFUSALS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        "400 ValidationError phone_number": Meaning(
            _REFUSED, Reason.NO_TEXTS, "Notify does not take this for a number that can be texted."
        ),
        "400 ValidationError email_address": Meaning(
            _REFUSED, Reason.BAD_ADDRESS, "Notify does not take this for an email address."
        ),
        "400 ValidationError": Meaning(_RETRY, Reason.CONFIG, _SET_UP, lane_wide=True),
        # Trial mode, a team-only key, a template or sender of another service: nothing of it is this message's fault.
        "400 BadRequestError": Meaning(_RETRY, Reason.CONFIG, _SET_UP, lane_wide=True),
        "401": Meaning(_RETRY, Reason.AUTH, _KEY, lane_wide=True),
        "403": Meaning(_RETRY, Reason.AUTH, _KEY, lane_wide=True),
        # 3,000 a minute, refilled by fifty a second: a moment is enough.
        "429 RateLimitError": Meaning(_RETRY, Reason.RATE, "Notify asks us to slow down.", lane_wide=True, wait=5.0),
        # Until midnight; asked again from time to time, as the limit may be raised.
        "429 TooManyRequestsError": Meaning(
            _RETRY, Reason.RATE, "The service has used up what Notify lets it send today.", lane_wide=True, wait=900.0
        ),
        "429": Meaning(_RETRY, Reason.RATE, "Notify asks us to slow down.", lane_wide=True),
        # Without a kind of error: a proxy or a filter has answered before Notify, so it is no word on the message.
        **{f"{one} alone": Meaning(_RETRY, Reason.CONFIG, _ON_THE_WAY, lane_wide=True) for one in (401, 403, 407)},
        "404 alone": Meaning(_RETRY, Reason.CONFIG, "Notify is not at notify.api_base_url.", lane_wide=True),
        "408 alone": Meaning(Outcome.UNKNOWN, Reason.TEMPORARY, _ON_THE_WAY),  # it may have been passed on, or not
        "413 alone": Meaning(_REFUSED, Reason.CONTENT, "It is too long for Notify."),
        "429 alone": Meaning(_RETRY, Reason.RATE, "Notify asks us to slow down.", lane_wide=True),
    }
)
#: Any other such answer. It is kept without a code, as it is nobody's whose codes we know: five in a row hold the lane
#: (``gateway.calls``), and one by itself is tried again.
_ALONE: Final = Meaning(_RETRY, Reason.TEMPORARY, _ON_THE_WAY)
_OTHER: Final = Meaning(_REFUSED, Reason.OTHER, "Notify refused it and did not say why in words that we know.")


class Status(NamedTuple):
    """A state of a message at Notify: what it means of a text, and of an email."""

    state: ReceiptState
    text: Reason | None = None
    email: Reason | None = None

    def reason(self, medium: Medium) -> Reason | None:
        """Why it failed, None where it did not."""
        return self.email if medium is Medium.EMAIL else self.text


_UNDER_WAY, _FAILED = ReceiptState.ACCEPTED, ReceiptState.FAILED

#: Notify says no more than this of a failure, and blames a number for what its operator refused: so nobody is "dead" by
#: one such word, and "gone" needs to be said again on another day.
STATUSES: Final[Mapping[str, Status]] = MappingProxyType(
    {
        "created": Status(_UNDER_WAY),
        "sending": Status(_UNDER_WAY),
        "pending": Status(_UNDER_WAY),
        "sent": Status(_UNDER_WAY),  # abroad, where networks often say no more
        "delivered": Status(ReceiptState.DELIVERED),
        "permanent-failure": Status(_FAILED, Reason.GONE, Reason.GONE),
        "temporary-failure": Status(_FAILED, Reason.UNREACHABLE, Reason.TEMPORARY),
        "technical-failure": Status(_FAILED, Reason.TEMPORARY, Reason.TEMPORARY),
    }
)
_UNKNOWN: Final = Status(_UNDER_WAY, Reason.OTHER, Reason.OTHER)

LONGEST: Final = 918  #: characters of a text, Notify's own limit: six parts
#: What Notify sends as it is: the GSM alphabet, and the Welsh letters that are not in it (which cost as they do with
#: everybody). Any other letter it would replace by a question mark.
_CARRIED: Final = re.compile(
    r"[@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,\-./0-9:;<=>?¡A-ZÄÖÑÜ§¿a-zäöñüà^{}\\\[~\]|€"
    r"ÁáÂâÀÈÊêËëÍíÎîÌÏïÓóÔôÒÕõÚúÛûÙẀẁẂẃŴŵẄẅỲỳÝýŶŷŸÿ]*"
)


def carries(words: str) -> bool:
    """Whether Notify would send these words as they are."""
    return len(words) <= LONGEST and _CARRIED.fullmatch(words) is not None


def refusal(status: int, kind: str, field: str) -> tuple[str, Meaning]:
    """The code as it is kept, and what it means. ``kind`` and ``field`` are ``""`` where Notify names none."""
    if not kind:
        alone = REFUSALS.get(f"{status} alone")
        return (str(status), alone) if alone else ("", _ALONE)
    named = f"{status} {kind}"
    for key in (f"{named} {field}", named, str(status)):
        if key in REFUSALS:
            return named, REFUSALS[key]
    return named, _OTHER


def status(word: str) -> Status:
    """What a state means; one that nobody knows is no end."""
    return STATUSES.get(word, _UNKNOWN)
