"""What the office does about a detail that needs work: ask the family, or put a slip of the pen right."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlmodel import select

from channels.base import Medium
from gateway import addresses, audit, context, errors
from gateway.database import Session
from gateway.freshness import approving, nagging
from gateway.models import ContactPoint, DetailState, NewDetail, PointKind

AT_ONCE: Final = 100  #: families that are asked by one press of a button: each is a message made for it alone

#: Where mail of families is, the commonest first: what is nearly one of these is a slip of the pen.
_MAILS: Final = (
    "gmail.com", "hotmail.com", "hotmail.co.uk", "outlook.com", "yahoo.com", "yahoo.co.uk", "icloud.com", "live.co.uk",
    "live.com", "btinternet.com", "googlemail.com", "sky.com", "aol.com", "msn.com", "me.com", "virginmedia.com",
    "ymail.com", "talktalk.net", "ntlworld.com", "protonmail.com",
)  # fmt: skip


async def ask(session: Session, gateway: context.Gateway, contact_id: int, *, by: str) -> None:
    """Ask one contact by text or email, else by a call, whether their details are right.

    Raises :class:`errors.Conflict`, with a sentence that says what to do, where that cannot be.
    """
    if not await nagging.ask_now(session, gateway, contact_id, by=by):
        raise errors.Conflict(
            "There is no phone or mailbox by which we could ask them alone. Ring them, or ask the child."
        )


async def ask_all(
    session: Session, gateway: context.Gateway, contact_ids: Collection[int], *, by: str
) -> tuple[int, int]:
    """Ask the first :data:`AT_ONCE` of several contacts. How many were asked, and how many could not be."""
    asked, left_out = 0, 0
    for contact_id in list(contact_ids)[:AT_ONCE]:
        try:
            done = await nagging.ask_now(session, gateway, contact_id, by=by)
        except errors.Conflict:
            done = False
        asked, left_out = asked + done, left_out + (not done)
    return asked, left_out


def meant(address: str) -> str:
    """The address that was probably meant, ``""`` where nothing suggests one: ``ana@gmial.com`` is at gmail.com."""
    name, _, domain = address.rpartition("@")
    if not name or domain in _MAILS:
        return ""
    near = next((one for one in _MAILS if _is_near(domain, one)), "")
    return f"{name}@{near}" if near else ""


def _is_near(written: str, right: str) -> bool:
    """Whether one letter was left out, added or mistaken, or two changed places."""
    if abs(len(written) - len(right)) > 1:
        return False
    begin = next(
        (n for n, (a, b) in enumerate(zip(written, right, strict=False)) if a != b), min(map(len, (written, right)))
    )
    a, b = written[begin:], right[begin:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])


async def use_instead(session: Session, gateway: context.Gateway, point_id: int, address: str, *, by: str) -> NewDetail:
    """Use another address in the place of one that does not work, as if the family had told us of it.

    It is a new detail that the office has approved: the old one stays on file as wrong, the list for the MIS has it.
    Raises :class:`errors.BadInput` for what is no address, :class:`errors.NotFound`, :class:`errors.Conflict`.
    """
    read = addresses.read(address)
    if not isinstance(read, str):
        raise errors.BadInput(
            [errors.Problem("This is not an email address.", "Write one such as ana@example.com.", field="address")]
        )
    point = await session.get(ContactPoint, point_id)
    if point is None or point.kind is not PointKind.EMAIL:
        raise errors.NotFound("This mailbox is not on file any more.")
    await _is_new(session, point.contact_id, read)
    now = gateway.now()
    row = NewDetail(
        contact_id=point.contact_id,
        old_point_id=point.id,
        old_address=point.address,
        replaces=True,
        kind=PointKind.EMAIL,
        address=read,
        state=DetailState.PROPOSED,
        told_on=Medium.EMAIL,
        made_at=now,
        open_key=f"{point.contact_id} {read}",
    )
    session.add(row)
    await session.flush()
    facts = {"contact": point.contact_id, "kind": PointKind.EMAIL, "point": point_id}
    await gateway.log.record(session, audit.Line("details.written", f"detail:{row.id}", facts, by), now=now)
    return await approving.approve(session, gateway, row.id or 0, by=by, unproved=True)


async def _is_new(session: Session, contact_id: int, address: str) -> None:
    open_one = select(NewDetail.id).where(NewDetail.open_key == f"{contact_id} {address}")
    if (await session.scalars(open_one)).first() is not None:
        raise errors.Conflict("The family has told us of this address itself: decide it below New numbers.")
