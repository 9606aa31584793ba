"""A survey made on a page: whom to ask, what, and how; shown as families get it before anybody is asked."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from channels.base import Medium
from gateway import chosen, context, errors, people
from gateway.announcements import outlook
from gateway.database import Session
from gateway.definitions import survey as shape
from gateway.surveys import asking
from gateway.web import site
from gateway.web.office import door, frame, naming, visitors
from gateway.web.office.announcements import form as forms
from gateway.web.office.good_news import tiles
from gateway.web.office.rights import Right
from templates import languages

_LARGEST: Final = 200_000  #: bytes of the form: the same words in many languages
_MOST_LANGUAGES: Final = 9  #: that questions can be written in, besides English: the commonest of the school's families
_MOST_ANSWERS: Final = 9
_WAYS: Final = {Medium.SMS: "Text", Medium.EMAIL: "Email", Medium.VOICE: "Phone call"}
_EMPTY: Final = forms.Typed({"way": ["sms", "email"], "anonymous": ["yes"], "questions": ["1"], "remind": ["3"]})
#: Where a problem of a definition is to be seen: the beginning of its field, and the field of the form.
_PLACES: Final = (("audience", "who"), ("media", "way"), ("title", "title"), ("key", "title"))


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/surveys/new``: the form, and what is done with it."""
    shown = Page(pages)
    return [
        door.page("/surveys/new", shown.show, right=Right.SEND_ANNOUNCEMENTS),
        door.page("/surveys/new", shown.act, right=Right.SEND_ANNOUNCEMENTS, methods=("POST",), largest=_LARGEST),
    ]


@dataclass(frozen=True, slots=True)
class Page:
    """The page."""

    pages: frame.Pages

    async def show(self, request: Request) -> Response:
        """An empty form."""
        return await self._form(request, _EMPTY)

    async def act(self, request: Request) -> Response:
        """Another question, a look at what families get, or the asking itself."""
        here, sent = site.of(request), await door.form(request)
        gateway, typed, act = here.gateway, forms.of(sent.multi_items()), sent.get("act", "look")
        if act == "more":
            more = str(min(_questions(typed) + 1, shape.MOST_QUESTIONS))
            return await self._form(request, forms.Typed({**typed.fields, "questions": [more]}))
        try:
            async with gateway.database.read() as session:
                survey = shape.read(await _data(session, gateway, typed))
                coming = await outlook.read(session, gateway, asking.definition(survey, 0, key=survey.key, first=True))
            if act != "send":
                return await self._form(request, typed, survey=survey, coming=coming)
            async with gateway.database.write() as session:
                made = await asking.create(session, gateway, survey, by=visitors.of(request).signature)
        except errors.BadInput as error:
            return await self._form(request, typed, problems=_placed(error))
        except errors.Conflict as error:
            return await self._form(request, typed, problems=door.faults(error))
        here.planned()
        return self.pages.done(request, f"/surveys/{made.key}", f"“{made.title}” is on its way.")

    async def _form(
        self,
        request: Request,
        typed: forms.Typed,
        *,
        survey: shape.Survey | None = None,
        coming: outlook.Outlook | None = None,
        problems: Sequence[tuple[str, str]] = (),
    ) -> Response:
        gateway, visitor = site.of(request).gateway, visitors.of(request)
        usual = gateway.settings.school.language
        async with gateway.database.read() as session:
            families = await people.languages(session, spoken=False, otherwise=usual)
            classes = await tiles.forms(session, visitor, gateway.today())
        tags = sorted(set(families) - {languages.ENGLISH}, key=lambda tag: (-families[tag], tag))[:_MOST_LANGUAGES]
        wrong = defaultdict[str, str](str)
        for field, sentence in problems:
            wrong[field] = wrong[field] or sentence
        return await self.pages.render(
            request, "survey_new.html", status=422 if problems else 200, here="surveys", typed=typed, survey=survey,
            coming=coming, problems=problems, wrong=wrong, classes=classes, ways=_WAYS,
            numbers=range(1, _questions(typed) + 1),
            tags=[(tag, languages.english(tag), languages.direction(tag)) for tag in tags], most=shape.MOST_QUESTIONS,
            second=gateway.settings.staff.second_person_over,
        )  # fmt: skip


def _questions(typed: forms.Typed) -> int:
    given = typed.one("questions", "1")
    return min(max(1, int(given)), shape.MOST_QUESTIONS) if given.isdigit() else 1


async def _data(session: Session, gateway: context.Gateway, typed: forms.Typed) -> dict[str, Any]:
    """What was typed as a survey. Raises :class:`errors.BadInput` for what only the form knows to be missing."""
    whole, some = typed.has("whole"), typed.all("form")
    problems = list[errors.Problem]()
    if whole == bool(some):
        cure = "Tick the whole school, or pick classes: not both." if whole else "Pick who is asked."
        problems.append(errors.Problem(cure, "", field="audience"))
    if not typed.title:
        problems.append(
            errors.Problem("Give it a name: families read it as the subject of the email.", "", field="title")
        )
    if not typed.all("way"):
        problems.append(errors.Problem("Choose how they are asked.", "", field="media"))
    questions = [_question(typed, number, problems) for number in range(1, _questions(typed) + 1)]
    asked = [one for one in questions if one["text"].get("en")]
    if not asked:
        problems.append(errors.Problem("Write the question.", "", field="q1"))
    if problems:
        raise errors.BadInput(problems)
    remind = typed.one("remind")
    return {
        "key": await chosen.free_key(session, _key(typed.title, gateway)),
        "title": typed.title,
        "anonymous": typed.has("anonymous"),
        "audience": {"whole_school": True} if whole else {"forms": some},
        "media": typed.all("way"),
        "questions": asked,
        **({"remind_after": f"{remind}d"} if remind in ("2", "3", "7") else {}),
    }


def _question(typed: forms.Typed, number: int, problems: list[errors.Problem]) -> dict[str, Any]:
    """One question, with its answers numbered as they are written, in each language that has as many of them."""
    english, answers = typed.one(f"q{number}"), _lines(typed.one(f"a{number}"))
    texts, labels = {"en": english}, [{"en": one} for one in answers[:_MOST_ANSWERS]]
    if (answers or number > 1) and not english and answers:
        problems.append(errors.Problem("Write the question that these answer.", "", field=f"q{number}"))
    if len(answers) == 1 or len(answers) > _MOST_ANSWERS:
        sentence = (
            f"Give two answers at least and {_MOST_ANSWERS} at most, one on a line, or none for words of their own."
        )
        problems.append(errors.Problem(sentence, "", field=f"a{number}"))
    if english and not answers and typed.has("anonymous"):
        sentence = "Words can be recognised. Give answers to choose from, or let it be by name."
        problems.append(errors.Problem(sentence, "", field=f"a{number}"))
    for name in typed.fields:
        tag = name.removeprefix(f"q{number}-")
        if tag == name or not typed.one(name):
            continue
        texts[tag], theirs = typed.one(name), _lines(typed.one(f"a{number}-{tag}"))
        if len(theirs) != len(answers):
            stand = naming.count(len(theirs), "answer stands", "answers stand")
            sentence = f"In {languages.english(tag)} {stand}, in English {len(answers)}."
            problems.append(errors.Problem(sentence, "Write as many, in the same order.", field=f"a{number}-{tag}"))
        for label, words in zip(labels, theirs, strict=False):
            label[tag] = words
    return {"text": texts, "options": [{"key": str(n), "label": one} for n, one in enumerate(labels, 1)]}


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.split("\n") if line.strip()]


def _key(title: str, gateway: context.Gateway) -> str:
    """A short name from the title: ``the-new-gate``; the day's where nothing is left of it."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    found = "-".join(re.findall(r"[a-z0-9]+", plain))[: asking.LONGEST_KEY - 10].strip("-")
    return found if found not in ("", "new") else f"survey-{gateway.today().isoformat()}"


def _placed(error: errors.BadInput) -> list[tuple[str, str]]:
    """The problems, each with the field of the form that it belongs to."""
    return [(_place(one.field), naming.sentence(f"{one.what} {one.cure}")) for one in error.problems]


def _place(name: str) -> str:
    if found := re.match(r"questions\.(\d+)(\.options)?", name):
        return f"{'a' if found[2] else 'q'}{int(found[1]) + 1}"
    return next((place for begins, place in _PLACES if name.startswith(begins)), name if name[:1] in "qa" else "q1")
