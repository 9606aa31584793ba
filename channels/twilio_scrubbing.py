"""Words and pictures of a text are deleted at Twilio; that there was one stays in its list.

(Message resource, "Redact a message": an update with an empty Body. Not before it has come to its end: error 20009.)
"""

from __future__ import annotations

from twilio.base.exceptions import TwilioException

from channels import base, twilio_account, twilio_http


async def scrub(api: twilio_account.TwilioApi, sid: str) -> None:
    """Delete them; a text that Twilio has no more is as good. Raises :class:`base.CouldNotScrub`."""
    try:
        message = api.client.messages(sid)
        left = await message.update_async(body="")
        if str(left.num_media or "0") != "0":
            for media in await message.media.list_async(limit=20):
                if twilio_account.is_id(media.sid):
                    await message.media(media.sid).delete_async()
    except (twilio_http.NotSent, twilio_http.Doubtful, twilio_http.TooFast) as error:
        raise base.CouldNotScrub(str(error)) from None
    except TwilioException as error:
        if twilio_account.said(error) != 404:
            raise base.CouldNotScrub(f"Twilio refused (HTTP {twilio_account.status_of(error)}).") from None
        return
    except (ValueError, TypeError, AttributeError, KeyError):
        raise base.CouldNotScrub("What answered is not Twilio.") from None
    if left.sid != sid or left.body:
        raise base.CouldNotScrub("Twilio kept the words.")
