"""Access tokens for mail servers that take no password any more (Microsoft 365), by RFC 6749 section 4.4.

The token goes into the login as XOAUTH2, by IMAP and by SMTP.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests

from channels import base, loopback

_SECONDS = 15.0  #: for each of connecting and answering
_SPARE_SECONDS = 120.0  #: a token is not used so shortly before its end
_USUAL_SECONDS = 300.0  #: of a token whose end is not said


@dataclass(frozen=True, slots=True)
class Client:
    """The application that the school has registered for Handbell at its mail provider.

    ``token_url``  as ``https://login.microsoftonline.com/TENANT/oauth2/v2.0/token``
    ``ca_file``    a PEM file of the authorities to trust, ``""`` for the usual ones
    """

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str = ""
    ca_file: str = ""


class NoToken(Exception):
    """No token is to be had. ``str()`` is a sentence that names the setting; ``ours`` when our client is refused."""

    def __init__(self, sentence: str, *, ours: bool = False) -> None:
        super().__init__(sentence)
        self.ours = ours


class Tokens:
    """Gives a token that is good for the next two minutes, asking for a new one when need be. It blocks; any thread."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._token, self._good_until = "", 0.0

    def check(self) -> None:
        """Raise :class:`base.Misconfigured` for an address to which the secret would travel openly."""
        address = urlsplit(self._client.token_url)
        openly = address.scheme == "http" and loopback.is_this_machine(address.hostname or "")
        if address.scheme != "https" and not openly:
            raise base.Misconfigured("oauth.token_url must start with https://, or the secret would travel openly.")

    def give(self) -> str:
        """Give a token. Raises :class:`NoToken`."""
        with self._lock:
            if time.monotonic() >= self._good_until:
                self._token, seconds = self._ask()
                self._good_until = time.monotonic() + seconds - _SPARE_SECONDS
            return self._token

    def forget(self) -> None:
        """Ask for a new one the next time: the mail server did not take this one."""
        with self._lock:
            self._good_until = 0.0

    def _ask(self) -> tuple[str, float]:
        client = self._client
        form = {
            "grant_type": "client_credentials",
            "client_id": client.client_id,
            "client_secret": client.client_secret,
            "scope": client.scope,
        }
        try:
            answer = requests.post(
                client.token_url,
                data=form,
                timeout=_SECONDS,
                allow_redirects=False,  # the secret goes nowhere else
                verify=client.ca_file or True,
            )
            given = answer.json()
        except requests.JSONDecodeError:
            raise NoToken("What answered at oauth.token_url gives no tokens: check that address.") from None
        except requests.RequestException:
            raise NoToken("The login service at oauth.token_url does not answer.") from None
        if answer.status_code in (400, 401, 403):
            sentence = "The login service refuses our client: check oauth.client_id, oauth.client_secret, oauth.scope."
            raise NoToken(sentence, ours=True)
        token = given.get("access_token") if isinstance(given, dict) else None
        if answer.status_code != 200 or not isinstance(token, str) or not token:
            raise NoToken("The login service at oauth.token_url has trouble of its own.")
        seconds = given.get("expires_in", _USUAL_SECONDS)
        return token, float(seconds) if isinstance(seconds, int | float) else _USUAL_SECONDS
