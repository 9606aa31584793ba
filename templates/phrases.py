"""Short texts that many messages share: greetings, reply menus, footers, answers to replies, the phone line,
the unsubscribe page, what goes with English in a family's own language, the choice of a language, events, praise, new
contact details.

They stand in ``phrases.toml`` in groups. A group is used in one language only: where a catalogue lacks one phrase
of a group, the whole group comes in English.
"""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

from templates import dress, formats, languages, segments, skeleton, translations, values

Group = Literal[
    "message", "call", "line", "reply", "page", "fallback", "language", "event", "praise", "details", "topic", "wishes"
]

#: (what is typed or pressed, what it means), the second in the language of the message
Answers = Sequence[tuple[str, str]]


class Phrase(BaseModel):
    """One short text. ``help`` is for translators."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    help: str


@dataclass(frozen=True, slots=True)
class UnsubscribePage:
    """The sentences of the page behind an unsubscribe link, plain text, and the language that they are in."""

    language: str
    direction: languages.Direction
    title: str
    question: str
    still: str
    button: str
    done: str
    mistake: str
    expired: str


@dataclass(frozen=True, slots=True)
class WishesPage:
    """The sentences of the page on which a family chooses what it hears of, plain text, and their language."""

    language: str
    direction: languages.Direction
    title: str
    by_text: str
    by_email: str
    at_once: str
    digest: str
    off: str
    save: str
    saved: str
    other: str


@cache
def phrases() -> Mapping[str, Mapping[str, Phrase]]:
    """Read ``phrases.toml``: group -> name -> phrase."""
    return read((resources.files("templates") / "phrases.toml").read_text("utf-8"))


def read(source: str) -> Mapping[str, Mapping[str, Phrase]]:
    """Read the text of a file of phrases; raises pydantic's ``ValidationError`` on one that is malformed."""
    return TypeAdapter(dict[str, dict[str, Phrase]]).validate_python(tomllib.loads(source))


def source(group: str, name: str) -> translations.Source:
    """Give a phrase as the catalogue knows it."""
    return translations.Source(f"phrases/{group}/{name}", phrases()[group][name].text.strip())


@cache
def language_for(group: Group, language: str) -> str:
    """Give the language in which a group of phrases will come: the one asked for, its base, or English."""
    return translations.choose(language, [source(group, name) for name in phrases()[group]])


def state(group: Group, language: str) -> translations.State:
    """Say how far a group can be trusted in the language in which it will come."""
    return translations.state(language_for(group, language), [source(group, name) for name in phrases()[group]])


def around(medium: str, *, names: Collection[str] = ()) -> list[translations.Source]:
    """Give what may stand around a notice's own words: greeting, menu and footers, or the rest of a call's script.

    ``names`` are the placeholders in them: a greeting is part of a text or a call only where it is asked for.
    """
    if medium == "email":
        return [source("message", name) for name in phrases()["message"]]
    greeting = ("greeting", "greeting_named") if "greeting" in names else ()
    menu = ("choice", "menu") if medium == "sms" or "menu" in names else ()
    found = [source("message", name) for name in (*greeting, *menu)]
    return found + ([source("call", name) for name in phrases()["call"]] if medium == "voice" else [])


@cache
def parsed(group: Group, name: str, language: str) -> skeleton.Skeleton:
    """Give one phrase, taken apart, in the language that :func:`language_for` gives."""
    text = translations.put(source(group, name), language=language_for(group, language))
    return skeleton.parse(text, where=f"the phrase {group}.{name} ({language})")


def greeting(recipient: str, *, language: str, clothes: dress.Dress) -> str:
    """Greet somebody by name, or as a parent or carer where there is no name."""
    name = "greeting_named" if recipient else "greeting"
    words = parsed("message", name, language)
    return words.fill({"recipient": clothes.value(recipient)})


@lru_cache(maxsize=1024)
def menu(answers: tuple[tuple[str, str], ...], *, language: str, clothes: dress.Dress) -> str:
    """Say how to answer: ``Reply 1 for ill or 2 for an appointment.``"""
    choice = parsed("message", "choice", language)
    choices = [choice.fill({"key": clothes.value(key), "label": clothes.value(label)}) for key, label in answers]
    whole = parsed("message", "menu", language)
    return whole.fill({"choices": formats.choices(choices, language_for("message", language))})


def reply_menu(language: str, answers: Answers) -> str:
    """Give the menu line alone, as it stands in a text message."""
    return segments.tidy(menu(tuple(answers), language=language, clothes=_clothes("message", language)))


def help_text(language: str, *, school: str, school_phone: str) -> str:
    """Answer a text that asks for help: the school's name and number."""
    return _reply("help", language, school=school, school_phone=school_phone)


def received(language: str, *, school: str, label: str) -> str:
    """Answer a reply that was understood as one of the answers."""
    return _reply("received", language, school=school, label=label)


def not_understood(language: str, *, school: str, school_phone: str) -> str:
    """Answer a reply that was not understood."""
    return _reply("not_understood", language, school=school, school_phone=school_phone)


def no_pictures(language: str, *, school: str, school_phone: str) -> str:
    """Answer a picture or a file that came by text: nobody opens it."""
    return _reply("no_pictures", language, school=school, school_phone=school_phone)


def topic_stopped(language: str, *, school: str, topic: str) -> str:
    """Tell a family that it gets no more texts of a topic, and how it gets them again."""
    return _topic("stopped", language, school=school, topic=topic)


def topic_started(language: str, *, school: str, topic: str) -> str:
    """Tell a family that it gets texts of a topic again, and how it stops them."""
    return _topic("started", language, school=school, topic=topic)


def _topic(name: str, language: str, **given: str) -> str:
    return segments.tidy(_say("topic", name, language, **given))


def office(language: str) -> str:
    """Name who answers a family, where the school names nobody."""
    return _reply("office", language)


def event(name: str, language: str, **given: str) -> str:
    """Give one of the short texts about events; plain text, tidied for a text message."""
    return segments.tidy(_say("event", name, language, **given))


def praise(kind: str, language: str, *, child: str, since: datetime.date | None = None) -> str:
    """Give one sentence of good news about a child, which stands among others; ``since`` goes with attendance."""
    used = language_for("praise", language)
    when = formats.date(since, used) if since else ""
    return parsed("praise", kind, language).fill({"child": values.clean(child), "since": when})


def unsubscribe_page(language: str, *, school: str, school_phone: str) -> UnsubscribePage:
    """Give all sentences of the unsubscribe page; they are plain text and must be escaped by the page."""
    used = language_for("page", language)
    texts = {n: _say("page", n, language, school=school, school_phone=school_phone) for n in phrases()["page"]}
    return UnsubscribePage(language=used, direction=languages.direction(used), **texts)


def wishes_page(language: str) -> WishesPage:
    """Give all sentences of the page of topics; they are plain text and must be escaped by the page."""
    used = language_for("wishes", language)
    texts = {name: _say("wishes", name, language) for name in phrases()["wishes"]}
    return WishesPage(language=used, direction=languages.direction(used), **texts)


def _reply(name: str, language: str, **given: str) -> str:
    return segments.tidy(_say("reply", name, language, **given))


def _say(group: Group, name: str, language: str, **given: str) -> str:
    clothes = _clothes(group, language)
    return parsed(group, name, language).fill({k: clothes.value(values.clean(v)) for k, v in given.items()})


def _clothes(group: Group, language: str) -> dress.Dress:
    return dress.plain(languages.direction(language_for(group, language)))
