"""The second step: six digits from a person's phone (TOTP, RFC 6238), or a code from a sheet when it is lost.

The database has half of what a phone's secret is made of; the other half is the installation's own secret: a copy of
the database makes no codes (docs/decisions/0064).
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import pyotp
import sqlalchemy as sa
from pyotp import totp as totps

from gateway import errors, secrecy
from gateway.accounts.means import Means
from gateway.database import Session
from gateway.models import Account, RecoveryCode
from gateway.models.types import core

_HALF: Final = re.compile(r"[A-Z2-7]{32}")
_STEP_SECONDS: Final = 30
_ABOUT: Final = (-1, 0, 1)  #: the step before and after count too: phones' clocks differ, and people type slowly
_RECOVERY: Final = 8  #: codes on the sheet
_table, _account = core(RecoveryCode), core(Account)

Sign = Callable[[str, str], str]


def new_half() -> str:
    """What a secret for somebody's phone is made of, and the database keeps."""
    return pyotp.random_base32()


def is_half(text: str) -> bool:
    """Whether a text can be one of ours: it comes back with a form."""
    return _HALF.fullmatch(text) is not None


def secret(sign: Sign, account_id: str, half: str) -> str:
    """The secret that a phone has, in base 32; ``sign`` is the installation's, as :meth:`context.Gateway.sign`."""
    return base64.b32encode(bytes.fromhex(sign("phone codes", f"{account_id} {half}"))).decode().rstrip("=")


def address(secret: str, *, email: str, school: str) -> str:
    """What the phone's camera reads."""
    return totps.TOTP(secret).provisioning_uri(name=email, issuer_name=f"Handbell, {school}")


def step_of(secret: str, code: str, *, now: datetime, after: int = 0) -> int:
    """The step that a code is of, counted from 1970; 0 for a wrong one, and for one that is not ``after`` the last."""
    digits = "".join(code.split())
    totp, here = totps.TOTP(secret), int(now.timestamp()) // _STEP_SECONDS
    fits = [
        here + offset
        for offset in _ABOUT
        if hmac.compare_digest(totp.generate_otp(here + offset).encode(), digits.encode())
    ]
    return next((step for step in fits if step > after), 0)


def first_step(secret: str, code: str, *, now: datetime) -> int:
    """The step of the first code of a new phone: nothing is turned on before the phone has shown that it works.

    Raises :class:`errors.BadInput` for a wrong one.
    """
    if step := step_of(secret, code, now=now):
        return step
    cure = "Look whether your phone's clock is right."
    raise errors.BadInput([errors.Problem("This code is not of this secret.", cure)])


async def turn_on(session: Session, account: Account, half: str, step: int, *, means: Means) -> Sequence[str]:
    """Ask for codes from now on. Gives the sheet of codes for a lost phone, this once."""
    account.secret, account.secret_step = half, step
    session.add(account)
    sheet = [_written(secrets.token_bytes(10)) for _ in range(_RECOVERY)]
    await session.execute(sa.delete(_table).where(_table.c.account_id == account.id))
    await session.flush()
    session.add_all(RecoveryCode(account_id=account.id, digest=secrecy.digest(_plain(one))) for one in sheet)
    await session.flush()
    await means.record(session, "staff.codes_on", account.id)
    return sheet


async def use(session: Session, account: Account, code: str, *, sign: Sign, means: Means) -> str:
    """Use a code up: ``phone`` or ``paper`` where it was good, else ``""``. None is ever good twice."""
    made = secret(sign, account.id, account.secret)
    if step := step_of(made, code, now=means.now, after=account.secret_step):
        first = sa.update(_account).where(_account.c.id == account.id, _account.c.secret_step < step)
        taken = await session.execute(first.values(secret_step=step).returning(_account.c.id))
        return "phone" if taken.first() else ""
    mine = sa.delete(_table).where(_table.c.account_id == account.id, _table.c.digest == secrecy.digest(_plain(code)))
    if not (await session.execute(mine.returning(_table.c.digest))).first():
        return ""
    await means.record(session, "staff.recovery_code_used", account.id)
    return "paper"


async def left(session: Session, account_id: str) -> int:
    """How many codes of the sheet are left."""
    query = sa.select(sa.func.count()).select_from(_table).where(_table.c.account_id == account_id)
    return await session.scalar(query) or 0


def _written(raw: bytes) -> str:
    """80 bits in four groups of four letters."""
    text = base64.b32encode(raw).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _plain(code: str) -> str:
    return "".join(code.split()).replace("-", "").casefold()
