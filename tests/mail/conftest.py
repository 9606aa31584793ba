"""Real mail servers, in folders of our own: sockets need short names, which every account may pass."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import trustme
from support import mailservers

Certificate = tuple[Path, Path]


@pytest.fixture(scope="session")
def mail_folder() -> Iterator[Callable[[], Path]]:
    """Give a new name of a folder for a server; all of them go with the session."""
    with tempfile.TemporaryDirectory(prefix="hb-mail-") as name:
        place, count = Path(name), iter(range(10_000))
        place.chmod(0o755)
        yield lambda: place / str(next(count))


@pytest.fixture(scope="session")
def mail_authority(mail_folder: Callable[[], Path]) -> tuple[trustme.CA, Path]:
    """A certificate authority of our own, and the file that trusts it."""
    authority, place = trustme.CA(), mail_folder()
    authority.cert_pem.write_to_path(str(place))
    return authority, place


@pytest.fixture(scope="session")
def mail_certificate(mail_folder: Callable[[], Path], mail_authority: tuple[trustme.CA, Path]) -> Certificate:
    """A certificate for 127.0.0.1: (chain, key)."""
    place = mail_folder()
    place.mkdir()
    return mailservers.write_certificate(place, mail_authority[0])


@pytest.fixture
def start_dovecot(
    mail_folder: Callable[[], Path], mail_certificate: Certificate
) -> Iterator[Callable[..., mailservers.Dovecot]]:
    """Start a Dovecot with the options of :func:`mailservers.dovecot`; it ends with the test."""
    mailservers.need("dovecot", "imap")
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(mailservers.dovecot(mail_folder(), mail_certificate, **options))


@pytest.fixture
def dovecot(start_dovecot: Callable[..., mailservers.Dovecot]) -> mailservers.Dovecot:
    """A mailbox with all that Dovecot can do."""
    return start_dovecot()


@pytest.fixture
def start_postfix(mail_folder: Callable[[], Path]) -> Iterator[Callable[..., mailservers.Postfix]]:
    """Start a Postfix with the options of :func:`mailservers.postfix`; it ends with the test."""
    mailservers.need("postfix", "postqueue")
    with ExitStack() as stack:

        def start(**options: Any) -> mailservers.Postfix:
            return stack.enter_context(mailservers.postfix(mail_folder(), **options))

        yield start
