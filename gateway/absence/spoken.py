"""What was said by telephone, where no words are to be understood: keys that were read back, or a voice recorded."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from gateway.absence import meaning
from gateway.absence.meaning import Meaning
from gateway.database import Session
from gateway.models import PhoneReport, Reply, VoiceMessage
from gateway.models.types import core


async def of(session: Session, reply: Reply) -> Sequence[Meaning] | None:
    """What a reply that came by telephone means: nothing, for a voice message. None for words that are to be read."""
    report = core(PhoneReport).c
    query = sa.select(PhoneReport).where(report.inbound_id == reply.inbound_id)
    found = (await session.scalars(query)).one_or_none()
    if found is not None:
        intent, code, urgent = meaning.BY_CODE[found.reason]
        until = found.last if found.last > found.first else None
        return (Meaning(intent, (found.pupil_id,), code, urgent, until=until, since=found.first),)
    voice = core(VoiceMessage).c
    spoken = await session.scalar(sa.select(voice.id).where(voice.inbound_id == reply.inbound_id))
    return None if spoken is None else ()
