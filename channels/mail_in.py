"""What the ways in for mail have in common: one mail as it came, and what is asked of whoever reads it.

The transports (``mailbox_imap``, ``mail_lmtp``) know how mail travels and nothing of what it says; the reader knows
what it says and nothing of where it came from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from channels import base

#: Larger mails are not taken whole: big mailboxes send no more (Gmail's limit is 25 MB), and so much takes about a
#: second to read, whatever stands in it.
MOST_BYTES = 26_214_400


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as it came.

    ``raw``            its bytes, headers and all; of a mail that is too large, the beginning
    ``at``             when it reached us or our mailbox, aware
    ``envelope_from``  the envelope sender, ``""`` for none (a machine's mail), None where nobody can know it (IMAP)
    ``envelope_to``    the addresses of ours that it was delivered to, none where the transport cannot know them
    ``key``            what the transport calls it, such as ``1700000000:42``: for logs, not stable for ever
    ``whole``          False where ``raw`` is the beginning alone
    """

    raw: bytes
    at: datetime
    envelope_from: str | None = None
    envelope_to: tuple[str, ...] = ()
    key: str = ""
    whole: bool = True


#: Says what a mail means: nothing, one event or several, each with an ``event_id`` that is the same every time the same
#: mail is read, from whichever transport. May run in a thread. Raises only for a bug of ours.
Read = Callable[[Mail], Sequence[base.Event]]
