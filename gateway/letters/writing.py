"""The words of a letter: those that an email would have, in the first of the family's languages that has any."""

from __future__ import annotations

from channels.base import Medium
from gateway import context, tongues, wording
from gateway.database import Session
from gateway.definitions import model
from gateway.events import planning
from gateway.good_news import telling
from gateway.letters.needing import Need
from templates import letter


async def words(session: Session, gateway: context.Gateway, need: Need) -> wording.Composed:
    """The letter's words, without the footer that an email has.

    Raises :class:`errors.BadDefinition` when they cannot be made.
    """
    school = gateway.school()
    definition = await _definition(session, gateway, need)
    composer = wording.Composer(definition, school, gateway.speaks)
    chain = tongues.chain(Medium.EMAIL, need.contact, school.language, school.instead)
    made = composer.compose(
        Medium.EMAIL,
        chain,
        children=[child.called for child in need.children],
        recipient=need.contact.full_name,
        unsubscribe_url="" if definition.purpose.mandatory else gateway.unsubscribe_url(need.message_id),
    )
    return made._replace(text=made.text.partition(letter.FOOTER_MARK)[0].strip())


async def _definition(session: Session, gateway: context.Gateway, need: Need) -> model.Definition:
    """The notice, or a day's praise of these children. Nobody presses a key on paper: it has no menu."""
    ids = [child.id for child in need.children]
    praised = await telling.again(session, gateway, need.notice, need.run_id, ids)
    own = praised or await planning.said_by(session, gateway, need.message_id, need.definition)
    return own.model_copy(update={"replies": model.Replies()})
