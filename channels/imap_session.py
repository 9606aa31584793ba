"""One connection to a mailbox over IMAP. Everything here blocks: it is made for a thread (see ``mailbox_imap``).

The mailbox itself is the only memory: what still lies there untaken is what we have not stored yet. So nothing of ours
can disagree with it after a crash, a restored server or a new UIDVALIDITY (RFC 3501 section 2.3.1.1).
"""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Literal

import imapclient
from imapclient import exceptions

from channels import base, loopback, mail_in, oauth

_CONNECT_SECONDS = 10.0
#: So much of a mail that is too large: its headers, and the words of all but the oddest.
BEGINNING = 262_144
_DONE, _UNREAD = "Done", "Unread"  #: folders below Handbell
_KEYWORDS = {True: b"HandbellDone", False: b"HandbellUnread"}
#: Codes of a refused login that pass by themselves (RFC 5530 section 3).
_PASSING = ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]")
#: A wrong password that is tried again and again locks the account.
_LOCK_OUT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where the mail lies, and what is done with it.

    ``security``    ``tls`` from the first byte, ``starttls`` (must succeed), or ``none``, on this machine only
    ``ca_file``     a PEM file of further authorities, ``""`` for none
    ``tokens``      gives access tokens for a login without a password (XOAUTH2)
    ``taken``       what becomes of a mail that was taken in: ``move`` it to Handbell/Done, or ``flag`` it where it is
    ``poll``        seconds between two looks, also while the server ought to announce new mail
    ``most_bytes``  of a larger mail only the beginning is taken
    ``timeout``     seconds for each answer of the server
    """

    host: str
    username: str
    password: str = field(repr=False)
    port: int = 993
    security: Literal["tls", "starttls", "none"] = "tls"
    ca_file: str = ""
    folder: str = "INBOX"
    taken: Literal["move", "flag"] = "move"
    poll: float = 60.0
    most_bytes: int = mail_in.MOST_BYTES
    timeout: float = 30.0
    tokens: oauth.Tokens | None = None


class Trouble(Exception):
    """The mailbox cannot be used now. ``str()`` is a sentence; ``pause`` the seconds to leave it alone at least."""

    def __init__(self, sentence: str, *, pause: float = 0.0) -> None:
        super().__init__(sentence)
        self.pause = pause


@contextmanager
def in_words() -> Iterator[None]:
    """Turn whatever the library and the sockets raise into a :class:`Trouble`; never with the server's own text."""
    try:
        yield
    except ssl.SSLError:
        sentence = "The mail server's certificate does not fit its name or is not trusted"
        raise Trouble(f"{sentence}: check mail_in.host, mail_in.security and mail_in.ca_file.") from None
    except exceptions.LoginError as error:
        if any(code in str(error).upper() for code in _PASSING):
            raise Trouble("The mail server cannot look up logins at the moment.") from None
        sentence = "The mail server does not accept our login: check mail_in.username and mail_in.password."
        raise Trouble(sentence, pause=_LOCK_OUT_SECONDS) from None
    except oauth.NoToken as error:
        raise Trouble(str(error), pause=_LOCK_OUT_SECONDS if error.ours else 0.0) from None
    except exceptions.CapabilityError:
        sentence = "The mail server does not offer STARTTLS: check mail_in.security and mail_in.port."
        raise Trouble(sentence) from None
    except exceptions.IMAPClientAbortError:
        raise Trouble("The mail server ended the connection.") from None
    except exceptions.IMAPClientError:
        raise Trouble("The mail server refused something that we need: its own journal says what.") from None
    except OSError:
        sentence = "No connection to the mail server: check mail_in.host and mail_in.port, and whether it is up."
        raise Trouble(sentence) from None


class Session:
    """A connection that is logged in, with its folder selected. One thread at a time; only :meth:`cut` is free."""

    def __init__(self, client: imapclient.IMAPClient, mailbox: Mailbox) -> None:
        self._client: Any = client  # the library's own hints are wrong in places (search, fetch)
        self._mailbox = mailbox
        self._places: dict[bool, str] = {}
        self._validity = 0
        self.announces = False  #: whether the server tells of new mail by itself (IDLE, RFC 2177)

    def enter(self) -> None:
        """Select the folder and see that taken mail can be marked. Raises :class:`Trouble` where it cannot."""
        client, folder = self._client, self._mailbox.folder
        self.announces = client.has_capability("IDLE")
        if folder.upper() != "INBOX" and not client.folder_exists(folder):
            raise Trouble(f"There is no folder {folder} in the mailbox: check mail_in.folder.")
        if self._mailbox.taken == "move":
            self._make_places()
        selected: dict[bytes, Any] = client.select_folder(folder)
        self._validity = int(selected.get(b"UIDVALIDITY", 0))
        if b"READ-ONLY" in selected:
            raise Trouble(f"The folder {folder} can only be read: give Handbell the right to change it.")
        if self._mailbox.taken == "flag" and b"\\*" not in selected.get(b"PERMANENTFLAGS", ()):
            raise Trouble("The mail server keeps no marks of ours: set mail_in.taken to move.")

    def _make_places(self) -> None:
        client = self._client
        prefix, parting = "", "/"
        if client.has_capability("NAMESPACE") and (personal := client.namespace().personal):
            prefix, parting = personal[0]
        elif found := client.list_folders("", ""):
            parting = (found[0][1] or b"/").decode()
        for read, name in ((True, _DONE), (False, _UNREAD)):
            self._places[read] = place = f"{prefix}Handbell{parting}{name}"
            if place == self._mailbox.folder:
                raise Trouble(f"{place} is where taken mail goes to: set mail_in.folder to another one.")
            if not client.folder_exists(place):
                client.create_folder(place)
                client.subscribe_folder(place)  # else many mail programs do not show it

    def waiting(self, since: date) -> list[int]:
        """The mails that have not been taken in, oldest first; what lay there before ``since`` is left alone."""
        self._client.noop()  # some servers look for new mail only then
        wanted: list[Any] = ["UNDELETED", "SINCE", since]
        if self._mailbox.taken == "flag":
            for keyword in _KEYWORDS.values():
                wanted += ["UNKEYWORD", keyword]
        found: list[int] = sorted(self._client.search(wanted))
        return found

    def key(self, uid: int) -> str:
        """What to call a mail in the journal."""
        return f"{self._validity}:{uid}"

    def fetch(self, uid: int) -> mail_in.Mail | None:
        """One mail, left unread if it was; None when somebody has moved it away meanwhile."""
        facts = self._client.fetch([uid], ["RFC822.SIZE", "INTERNALDATE"]).get(uid)
        if not facts:
            return None
        whole = facts[b"RFC822.SIZE"] <= self._mailbox.most_bytes
        part = "BODY.PEEK[]" if whole else f"BODY.PEEK[]<0.{BEGINNING}>"
        raw = self._client.fetch([uid], [part]).get(uid, {}).get(b"BODY[]" if whole else b"BODY[]<0>")
        if raw is None:
            return None
        at: datetime = facts[b"INTERNALDATE"]
        return mail_in.Mail(raw, at.astimezone(UTC), key=self.key(uid), whole=whole)

    def mark(self, uid: int, *, read: bool) -> None:
        """Put a mail where it will not be taken in again: with what was ``read``, or with what could not be.

        Nothing is deleted: where the server cannot move, the copy is safe before the original is marked as deleted.
        """
        client = self._client
        if self._mailbox.taken == "flag":
            client.add_flags([uid], [_KEYWORDS[read]], silent=True)
        elif client.has_capability("MOVE"):
            client.move([uid], self._places[read])
        else:
            client.copy([uid], self._places[read])
            client.delete_messages([uid], silent=True)
            if client.has_capability("UIDPLUS"):  # a plain EXPUNGE would take along what others have marked
                client.uid_expunge([uid])

    def idle(self, seconds: float) -> None:
        """Let the server tell of something, for so long at most; its words are not read, the next look will see.

        Less than 29 minutes, after which servers may end it (RFC 2177).
        """
        self._client.idle()
        poll = select.poll()
        poll.register(self._client.socket(), select.POLLIN)
        poll.poll(seconds * 1000)
        self._client.idle_done()

    def cut(self) -> None:
        """End whatever another thread waits for; the only thing that may be done beside it."""
        with suppress(OSError):
            # Not SSLSocket's own, which takes the encryption away from under the other thread.
            socket.socket.shutdown(self._client.socket(), socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the connection back, without waiting for the server."""
        with suppress(OSError):
            self._client.shutdown()


def connect(mailbox: Mailbox, tls: ssl.SSLContext | None) -> Session:
    """Log in and select the folder. Raises :class:`Trouble`."""
    patience: Any = imapclient.SocketTimeout(min(_CONNECT_SECONDS, mailbox.timeout), mailbox.timeout)
    with in_words():
        client = imapclient.IMAPClient(
            mailbox.host,
            mailbox.port,
            ssl=mailbox.security == "tls",
            ssl_context=tls,
            timeout=patience,
        )
        client.normalise_times = False
        session = Session(client, mailbox)
        try:
            if mailbox.security == "starttls":
                client.starttls(tls)
            _login(client, mailbox)
            session.enter()
        except BaseException:
            session.close()
            raise
    return session


def _login(client: imapclient.IMAPClient, mailbox: Mailbox) -> None:
    if mailbox.tokens:
        try:
            client.oauth2_login(mailbox.username, mailbox.tokens.give())
        except exceptions.LoginError:
            mailbox.tokens.forget()
            raise
    elif not (mailbox.username + mailbox.password).isascii() and client.has_capability("AUTH=PLAIN"):
        client.plain_login(mailbox.username, mailbox.password)  # LOGIN has no letters beyond ASCII
    else:
        client.login(mailbox.username, mailbox.password)


def check(mailbox: Mailbox) -> None:
    """Raise :class:`base.Misconfigured` for what must not be tried at all."""
    if mailbox.security == "none" and not loopback.is_this_machine(mailbox.host):
        raise base.Misconfigured("With mail_in.security none the password would travel openly: set it to tls.")
    if mailbox.tokens:
        mailbox.tokens.check()
