"""Who of the school may sign in, and everything that a sign-in leaves behind."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from gateway.models.types import Table, UtcDateTime, words
from gateway.roles import Role


class Account(Table, table=True):
    """One person. Never deleted: the audit log knows them by ``name``, and nobody else may ever have it.

    ``email``        folded: what they sign in with
    ``name_key``     the name folded, so that two people cannot look like one in the log
    ``password``     argon2id, with its parameters and salt; ``""`` until the person has chosen one
    ``secret``       half of what the secret of their phone is made of (``accounts.codes``); ``""`` where they use none
    ``secret_step``  the step of the last code that was used: none is taken twice
    """

    id: str = Field(primary_key=True)
    email: str = Field(unique=True)
    name: str
    name_key: str = Field(unique=True)
    role: Role = Field(sa_type=words(Role))
    password: str = ""
    secret: str = ""
    secret_step: int = 0
    created_at: datetime = Field(sa_type=UtcDateTime)
    signed_in_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    disabled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class AccountForm(Table, table=True):
    """A form that is a teacher's own."""

    account_id: str = Field(foreign_key="account.id", ondelete="CASCADE", primary_key=True)
    form: str = Field(primary_key=True)


class AccountSession(Table, table=True):
    """One browser that is signed in. Of its cookie only the SHA-256 is kept; one that has ended is deleted.

    ``browser``         what it calls itself, in two words, for the person's own list
    ``ends_at``         when it ends, however busy; it ends earlier when nobody was ``seen_at`` it for a while
    ``waits_for_code``  the password was right, and the code of the phone has not come yet: it opens nothing
    ``hide_names``      names are initials on its pages
    """

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id", ondelete="CASCADE", index=True)
    digest: str = Field(unique=True)
    browser: str = ""
    created_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime)
    waits_for_code: bool = False
    hide_names: bool = False


class AccountLink(Table, table=True):
    """A link by which somebody chooses a password, once; deleted when it is used. Only its SHA-256 is kept.

    ``account_id``  whose; None for the very first person, who is not on file yet
    """

    digest: str = Field(primary_key=True)
    account_id: str | None = Field(default=None, foreign_key="account.id", ondelete="CASCADE", index=True)
    made_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)


class RecoveryCode(Table, table=True):
    """The SHA-256 of a code that stands in for a lost phone, once; deleted when it is used."""

    account_id: str = Field(foreign_key="account.id", ondelete="CASCADE", primary_key=True)
    digest: str = Field(primary_key=True)


class SignInTry(Table, table=True):
    """How often signing in has failed of late, for a name, an address or a browser. ``key`` is a SHA-256."""

    key: str = Field(primary_key=True)
    failures: int = 0
    last_at: datetime = Field(sa_type=UtcDateTime)
