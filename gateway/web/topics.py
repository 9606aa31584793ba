"""The page on which a family chooses what it hears of, behind the unsubscribe link of an email and signed by it.

A GET never acts: security gateways follow every link of a mail. A POST of the page's own button acts. No cookie, no
login: whoever has the email may choose for the contact that it was sent to, as with the unsubscribe link itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from channels.base import Medium
from gateway import context
from gateway.models import Wish
from gateway.preferences import topics, wishes
from gateway.web import site, unsubscribe
from gateway.web.entries import By, entry
from templates import languages, phrases, states

_LARGEST_BODY: Final = 16_384
_MEDIA: Final = (Medium.SMS, Medium.EMAIL)


def routes() -> list[BaseRoute]:
    """``/u/{message_id}/{token}/topics``."""
    path = "/u/{message_id}/{token}/topics"
    return [
        entry(path, _ask, by=By.LINK),
        entry(path, _save, by=By.LINK, methods=("POST",), largest=_LARGEST_BODY),
    ]


async def _ask(request: Request) -> Response:
    """Show what was chosen. Does nothing."""
    return await _show(request, saved=False)


async def _save(request: Request) -> Response:
    """Note what was chosen, where it differs from what holds now."""
    message, gateway = await unsubscribe.message(request), site.of(request).gateway
    form = parse_qs((await request.body()).decode("utf-8", "replace"))
    saves = message is not None and message.contact_id is not None and "save" in form
    if saves and message is not None and message.contact_id is not None:
        async with gateway.database.write() as session:
            held = wishes.table(await wishes.shown(session, message.contact_id), _keys(gateway))
            for topic, wanted in _changes(form, held).items():
                await wishes.choose(
                    session, message.contact_id, topic, wanted, by="page", log=gateway.log, now=gateway.now()
                )
    return await _show(request, saved=saves)


def _changes(
    form: Mapping[str, Sequence[str]], held: Mapping[str, Mapping[Medium, Wish]]
) -> dict[str, dict[Medium, Wish]]:
    """What a form asks for and does not hold yet; what it names and we do not know is left alone."""
    found = dict[str, dict[Medium, Wish]]()
    for topic, holds in held.items():
        for medium in _MEDIA:
            wish = form.get(f"{topic}.{medium.value}", [""])[-1]
            if wish in set(Wish) and wish != holds[medium]:
                found.setdefault(topic, {})[medium] = Wish(wish)
    return found


async def _show(request: Request, *, saved: bool) -> Response:
    message, gateway = await unsubscribe.message(request), site.of(request).gateway
    if message is None or message.contact_id is None:
        return unsubscribe.pages().show(request, "expired", None)
    async with gateway.database.read() as session:
        held = wishes.table(await wishes.shown(session, message.contact_id), _keys(gateway))
    school, words, also = gateway.settings.school, *_words(gateway, message.language)
    stills = [
        phrases.unsubscribe_page(tag, school=school.name, school_phone=school.phone).still
        for tag in (words.language, *(languages.ENGLISH for _ in also))
    ]
    choices = {Wish.AT_ONCE: words.at_once, Wish.DIGEST: words.digest, Wish.OFF: words.off}
    return unsubscribe.pages().page(
        "topics.html",
        words=words,
        still=" ".join(stills),
        saved=saved,
        school=school.name,
        wishes=[(wish.value, label) for wish, label in choices.items()],
        rows=[_row(gateway, topic, holds, words, also) for topic, holds in held.items()],
    )


def _words(gateway: context.Gateway, language: str) -> tuple[phrases.WishesPage, Sequence[phrases.WishesPage]]:
    """The sentences of the page; beside those that nobody has reviewed, the English, where drafts are off.

    Everybody can choose in their own words, a draft too: with the English beside it, nobody is misled by one.
    """
    words, english = phrases.wishes_page(language), phrases.wishes_page(languages.ENGLISH)
    if gateway.settings.languages.allow_drafts or states.trusted(phrases.state("wishes", words.language)):
        return words, ()
    sentences = [name for name in phrases.WishesPage.__dataclass_fields__ if name not in ("language", "direction")]
    both = {name: f"{getattr(words, name)} / {getattr(english, name)}" for name in sentences}
    return phrases.WishesPage(language=words.language, direction=words.direction, **both), (english,)


def _row(
    gateway: context.Gateway,
    topic: str,
    holds: Mapping[Medium, Wish],
    words: phrases.WishesPage,
    also: Sequence[phrases.WishesPage],
) -> dict[str, Any]:
    """A topic, by its name in the family's language (and in those that stand beside it), with a choice by medium."""
    tags = [words.language, *(one.language for one in also)]
    names = dict.fromkeys(gateway.preferences.topics.shown(topic, tag, drafts=True) for tag in tags)
    shown = " / ".join(names)
    labels = {Medium.SMS: words.by_text, Medium.EMAIL: words.by_email}
    return {
        "name": words.other if topic == topics.OTHER else shown,
        "choices": [
            {"label": labels[medium], "field": f"{topic}.{medium.value}", "wish": holds[medium].value}
            for medium in _MEDIA
        ],
    }


def _keys(gateway: context.Gateway) -> list[str]:
    return [*gateway.preferences.topics.topics, topics.OTHER]
