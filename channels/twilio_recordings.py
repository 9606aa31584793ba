"""Recordings at Twilio: listed, fetched whole, deleted. (``/2010-04-01/Accounts/{Sid}/Recordings``)"""

from __future__ import annotations

import struct
from collections.abc import AsyncGenerator
from datetime import datetime

from twilio.base.exceptions import TwilioException

from channels import calls_in, twilio_account, twilio_http

_UNTOLD = 600  #: seconds, of a recording whose length nobody tells: too long rather than taken for a click
_PAGE = 100
_WAV = ("audio/x-wav", "audio/wav", "audio/wave", "audio/vnd.wave")


async def listed(api: twilio_account.TwilioApi, since: datetime) -> AsyncGenerator[calls_in.Recording, None]:
    """Every finished recording since then, newest first. Raises :class:`calls_in.CouldNotFetch`."""
    try:
        found = await api.client.recordings.stream_async(date_created_after=since, page_size=_PAGE)
        async for one in found:
            if one.status == "completed" and twilio_account.is_id(one.sid) and twilio_account.is_id(one.call_sid):
                duration = str(one.duration or "")
                seconds = int(duration) if duration.isdecimal() else _UNTOLD
                yield calls_in.Recording(one.sid, one.call_sid, seconds, one.date_created or since)
    except (twilio_http.NotSent, twilio_http.Doubtful, twilio_http.TooFast) as error:
        raise calls_in.CouldNotFetch(str(error)) from None
    except TwilioException as error:
        raise calls_in.CouldNotFetch(_sentence(error)) from None
    except (ValueError, TypeError, AttributeError, KeyError):
        raise calls_in.CouldNotFetch("What answered is not Twilio's list of recordings.") from None


async def fetch(api: twilio_account.TwilioApi, ref: str, *, most_bytes: int) -> calls_in.Audio:
    """Fetch a recording as WAV, which says in its head how long it is: half a file is never taken for the whole.

    Raises :class:`calls_in.CouldNotFetch` and :class:`calls_in.NoSuchRecording`.
    """
    try:
        status, kind, content = await api.download(f"Recordings/{ref}.wav", most_bytes=most_bytes)
    except (twilio_http.NotSent, twilio_http.Doubtful, twilio_http.TooFast) as error:
        raise calls_in.CouldNotFetch(str(error)) from None
    if status in (404, 410):
        raise calls_in.NoSuchRecording("Twilio has no such recording.")
    if status != 200:
        raise calls_in.CouldNotFetch(f"Twilio did not give the recording (HTTP {status}).")
    if kind not in _WAV or not _is_whole_wav(content):
        raise calls_in.CouldNotFetch("What Twilio gave is no whole WAV file.")
    return calls_in.Audio("audio/wav", content)


async def delete(api: twilio_account.TwilioApi, ref: str) -> None:
    """Delete a recording; one that is not there is as good. Raises :class:`calls_in.CouldNotFetch`."""
    try:
        answer = await api.client.recordings(ref).delete_with_http_info_async()
        if answer.status_code != 204:  # the library takes any 2xx for done, a filter's page on the way too
            raise calls_in.CouldNotFetch("What answered is not Twilio: the recording may not be deleted.")
    except (twilio_http.NotSent, twilio_http.Doubtful, twilio_http.TooFast) as error:
        raise calls_in.CouldNotFetch(str(error)) from None
    except TwilioException as error:
        if twilio_account.said(error) != 404:
            raise calls_in.CouldNotFetch(_sentence(error)) from None


def _sentence(error: TwilioException) -> str:
    return f"Twilio refused (HTTP {twilio_account.status_of(error)})."


def _is_whole_wav(content: bytes) -> bool:
    """Whether it is a RIFF file of type WAVE, as long as its head says (Microsoft, "Multimedia Programming", 1991)."""
    if len(content) < 12 or content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return False
    (size,) = struct.unpack("<I", content[4:8])
    return len(content) - 8 in (size, size - 1)  # a last odd byte is padded, though not by everybody
