"""The people who may sign in: who they are, what they are to Handbell, and which forms are a teacher's own.

A name is kept for good and never given to another: the audit log signs with it, and a second person is told apart by
it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import addresses, errors
from gateway.accounts import links, sessions
from gateway.accounts.means import Means
from gateway.database import Session
from gateway.models import Account, AccountForm, Pupil, RecoveryCode
from gateway.models.types import core
from gateway.roles import Role

#: Who can let others in: one of them must always be able to sign in.
KEEPERS: Final = frozenset({Role.IT, Role.HEAD})

_NAME = re.compile(r"[^\W\d_][\w .'’-]{0,59}")


async def add(
    session: Session, account_id: str, *, name: str, email: str, role: Role, forms: Sequence[str] = (), means: Means
) -> Account:
    """Let somebody in. They cannot sign in before they have chosen a password, by a link.

    Raises :class:`errors.BadInput`, or :class:`errors.Conflict` for a name or email that somebody has, or had.
    """
    name, email = _checked_name(name), _checked_email(email)
    key = _folded(name)
    taken = select(Account).where(sa.or_(col(Account.email) == email, col(Account.name_key) == key))
    if other := (await session.scalars(taken)).first():
        what = "email" if other.email == email else "name"
        raise errors.Conflict(f"{other.name} has this {what}, or had it once. Choose another one.")
    account = Account(id=account_id, email=email, name=name, name_key=key, role=role, created_at=means.now)
    session.add(account)
    await session.flush()
    await means.record(session, "staff.added", account.id, role=role.value)
    if forms:
        await set_forms(session, account, forms, means=means)
    return account


async def find(session: Session, which: str) -> Account:
    """Somebody by id, email or name, to change something about them.

    Raises :class:`errors.NotFound`.
    """
    account = await one(session, which)
    await session.refresh(account, with_for_update=True)
    return account


async def one(session: Session, which: str) -> Account:
    """Somebody by id, email or name.

    Raises :class:`errors.NotFound`.
    """
    email, key = which.strip().casefold(), _folded(which)
    query = select(Account).where(
        sa.or_(col(Account.id) == which, col(Account.email) == email, col(Account.name_key) == key)
    )
    found = (await session.scalars(query.order_by(col(Account.id) != which))).first()
    if found is None:
        raise errors.NotFound(f"Nobody is called “{which}” here: handbell staff list says who there is.")
    return found


async def by_email(session: Session, email: str) -> Account | None:
    """Whoever signs in with an email; None for nobody."""
    return (await session.scalars(select(Account).where(col(Account.email) == email.strip().casefold()))).one_or_none()


async def listed(session: Session) -> Sequence[Account]:
    """Everybody by name; those who may no longer come in at the end."""
    query = select(Account).order_by(col(Account.disabled_at).is_not(None), col(Account.name_key))
    return (await session.scalars(query)).all()


async def nobody(session: Session) -> bool:
    """Whether nobody is there yet: only then the first one may come in by a link of the daemon's."""
    return await session.scalar(select(Account.id).limit(1)) is None


async def forms(session: Session, *account_ids: str) -> Mapping[str, frozenset[str]]:
    """The forms of these people, by id."""
    of = select(AccountForm).where(col(AccountForm.account_id).in_(account_ids))
    found: dict[str, set[str]] = {one: set() for one in account_ids}
    for row in await session.scalars(of):
        found[row.account_id].add(row.form)
    return {one: frozenset(given) for one, given in found.items()}


async def set_role(session: Session, account: Account, role: Role, *, means: Means) -> None:
    """Make somebody another role. Whatever they have open ends, as what they may see has changed.

    Raises :class:`errors.Conflict` for the last one who could let others in.
    """
    if account.role is role:
        return
    if role not in KEEPERS:
        await _keep_one(session, account)
    was, account.role = account.role, role
    session.add(account)
    if role is not Role.TEACHER:
        await session.execute(sa.delete(core(AccountForm)).where(core(AccountForm).c.account_id == account.id))
    await session.flush()
    await means.record(session, "staff.role_changed", account.id, was=was.value, role=role.value)
    await sessions.end_all(session, account.id, why="role", means=means)


async def set_forms(session: Session, account: Account, forms: Sequence[str], *, means: Means) -> None:
    """Say which forms are a teacher's own, as the school writes them.

    Raises :class:`errors.BadInput` for a form that nobody is in, and for somebody who is no teacher.
    """
    if account.role is not Role.TEACHER and forms:
        problem = errors.Problem(f"{account.name} is no teacher.", "Only a teacher has forms of their own.")
        raise errors.BadInput([problem])
    there = {one.casefold(): one for one in await session.scalars(sa.select(core(Pupil).c.form).distinct()) if one}
    wanted = {one.strip().casefold(): one.strip() for one in forms if one.strip()}
    if strange := sorted(one for key, one in wanted.items() if key not in there):
        known = ", ".join(sorted(there.values())) or "none yet: import the pupils first"
        raise errors.BadInput([errors.Problem(f"Nobody is in form “{one}”.", f"Forms: {known}.") for one in strange])
    t = core(AccountForm)
    await session.execute(sa.delete(t).where(t.c.account_id == account.id))
    session.add_all(AccountForm(account_id=account.id, form=there[key]) for key in sorted(wanted))
    await session.flush()
    await means.record(session, "staff.forms_changed", account.id, forms=len(wanted))
    await sessions.end_all(session, account.id, why="forms", means=means)


async def set_password(session: Session, account: Account, hashed: str, *, means: Means) -> None:
    """Keep a new password. Whatever was open by the old one ends."""
    account.password = hashed
    session.add(account)
    await session.flush()
    await means.record(session, "staff.password_changed", account.id)
    await links.forget(session, account.id)
    await sessions.end_all(session, account.id, why="password", means=means)


async def disable(session: Session, account: Account, *, means: Means) -> None:
    """Let somebody in no more, from this moment on.

    Raises :class:`errors.Conflict` where they are out already, or are the last one who could let others in.
    """
    if account.disabled_at is not None:
        raise errors.Conflict(f"{account.name} may not come in any more, as it is.")
    await _keep_one(session, account)
    account.disabled_at = means.now
    session.add(account)
    await session.flush()
    await links.forget(session, account.id)
    await means.record(session, "staff.disabled", account.id)
    await sessions.end_all(session, account.id, why="disabled", means=means)


async def enable(session: Session, account: Account, *, means: Means) -> None:
    """Let somebody in again, by a new link: the old password and codes are gone.

    Raises :class:`errors.Conflict` where they may come in.
    """
    if account.disabled_at is None:
        raise errors.Conflict(f"{account.name} may come in, as it is.")
    account.disabled_at, account.password = None, ""
    await forget_codes(session, account, means=means)
    session.add(account)
    await session.flush()
    await means.record(session, "staff.enabled", account.id)


async def forget_codes(session: Session, account: Account, *, means: Means) -> None:
    """Ask somebody for no code of their phone any more: it is lost, or they do not want to."""
    if not account.secret:
        return
    account.secret = ""
    session.add(account)
    await session.execute(sa.delete(core(RecoveryCode)).where(core(RecoveryCode).c.account_id == account.id))
    await session.flush()
    await means.record(session, "staff.codes_off", account.id)


async def _keep_one(session: Session, leaving: Account) -> None:
    """Raises :class:`errors.Conflict` where nobody else could let people in."""
    if leaving.role not in KEEPERS or not leaving.password:
        return
    others = (
        select(Account.id)
        .where(col(Account.role).in_(KEEPERS), col(Account.disabled_at).is_(None), col(Account.password) != "")
        .where(col(Account.id) != leaving.id)
        .with_for_update()
    )
    if (await session.scalars(others)).first() is None:
        what = f"{leaving.name} is the last one who can let others in."
        raise errors.Conflict(f"{what} Make somebody else Head or IT first, who then signs in once.")


def _checked_name(name: str) -> str:
    name = " ".join(unicodedata.normalize("NFC", name).split())
    if not _NAME.fullmatch(name):
        problem = errors.Problem(
            f"“{name}” cannot be a name.", "Write it as the school says it, such as Mrs Okafor.", field="name"
        )
        raise errors.BadInput([problem])
    return name


def _checked_email(email: str) -> str:
    read = addresses.read(email)
    if isinstance(read, errors.Problem):
        raise errors.BadInput([errors.Problem(read.what, read.cure, field="email")])
    return read.casefold()


def _folded(name: str) -> str:
    """One key for names that look alike."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
