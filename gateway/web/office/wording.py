"""Wording: which message comes in which language and who has read it; one of them beside its English, to be checked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final, get_args

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway import own_words, people
from gateway.web import site
from gateway.web.office import door, frame, naming, visitors
from gateway.web.office.rights import Right
from templates import catalogue, coverage, languages, library, phrases, pofiles, reviewing, states

_MOST: Final = 9  #: languages that stand in the table: the commonest of the school's families
_LARGEST: Final = 200_000  #: bytes of all texts of one notice, in every form
_PREFIX: Final = "shared-"
_BY: Final[Mapping[str, str]] = {"text": "sms", "email": "email", "call": "voice"}
_GROUPS: Final = (
    ("Absences and safety", ("emergency", "safeguarding", "statutory")),
    ("Everyday", ("service",)),
    ("Good news", ("good_news",)),
    ("Announcements and surveys", ()),
)
#: Short texts that many messages share, by their group: nothing goes out in a language in which these are not read.
_SHARED: Final[Mapping[str, tuple[str, str]]] = {
    "message": (
        "Around every text and email",
        "Greeting, answers and foot. Texts and emails wait until it is checked.",
    ),
    "call": ("Around every call", "What is said before and after the words. Calls wait until it is checked."),
    "reply": ("Answers to families", "What is answered by itself when a family writes."),
    "language": ("Asking for a language", "The question for a family’s language, and the answer to it."),
    "fallback": ("Why it comes in English", "The line above English words, for families whose language we lack."),
    "line": ("The phone line", "What callers hear."),
    "event": ("Choosing a time", "Around invitations with times to choose from."),
    "praise": ("Good news", "Around what a teacher wrote."),
    "details": ("New numbers and codes", "What is said to a family that tells us of a new number."),
    "topic": ("Stopping a topic", "The answer to STOP MENUS."),
    "wishes": ("The page of wishes", "Where families choose what they hear of."),
    "page": ("The page to stop emails", "Behind the link at the foot of an email."),
}
_STATES: Final[Mapping[str, str]] = {"source": "checked", "reviewed": "checked", "draft": "draft", "machine": "draft"}


def routes(pages: frame.Pages, shelf: Shelf) -> list[BaseRoute]:
    """``/wording``, one wording in one language, and checking it."""
    shown, see = Pages(pages, shelf), Right.SEE_WORDING
    one = "/wording/{key}/{language}"
    return [
        door.page("/wording", shown.table, right=see),
        door.page(one, shown.one, right=see),
        door.page(one, shown.check, right=Right.REVIEW_WORDING, methods=("POST",), largest=_LARGEST),
    ]


@dataclass(frozen=True, slots=True)
class Wording:
    """A wording: a notice of the library, or a group of short texts that many messages share.

    ``key``    in the address; ``group`` in the catalogues
    ``kinds``  how each of its texts is called, by its name in the catalogue
    """

    key: str
    group: str
    title: str
    about: str
    kinds: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """A wording, and how it stands in each of the languages: checked, draft or missing."""

    wording: Wording
    states: Sequence[str]


@dataclass(slots=True)
class Shelf:
    """The catalogues that were looked at, while their files stay as they are: to read one takes a tenth of a second."""

    kept: dict[str, tuple[object, pofiles.Po]] = field(default_factory=dict[str, tuple[object, pofiles.Po]])

    async def take(self, language: str, folder: Path) -> pofiles.Po:
        """Our words with the school's over them."""
        stamp = [_stamp(pofiles.path_of(one, language)) for one in (catalogue.locale(), folder)]
        kept = self.kept.get(language)
        if kept is None or kept[0] != stamp:
            kept = self.kept[language] = (stamp, await asyncio.to_thread(reviewing.merged, language, folder))
        return kept[1]


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return found.st_mtime_ns, found.st_size


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages."""

    pages: frame.Pages
    shelf: Shelf

    async def table(self, request: Request) -> Response:
        """Every wording by every language that families read, by one medium."""
        gateway, by = site.of(request).gateway, request.query_params.get("by", "text")
        medium = _BY.get(by) or _BY["text"]
        usual = gateway.settings.school.language
        async with gateway.database.read() as session:
            families = await people.languages(session, spoken=medium == "voice", otherwise=usual)
        tags = sorted({languages.ENGLISH, *families}, key=lambda tag: (tag != "en", -families.get(tag, 0), tag))
        shown = tags if request.query_params.get("all") else tags[:_MOST]
        found = {tag: coverage.of(tag, only=medium) for tag in shown}
        rows = [
            Row(_of_notice(notice), [_STATES.get(found[tag][notice.key, medium], "missing") for tag in shown])
            for notice in library.notices().values()
            if (notice.key, medium) in found[languages.ENGLISH]
        ]
        shared = [Row(_of_group(group), [_shared_state(group, tag) for tag in shown]) for group in _groups()]
        drafts = {tag: [row.states[n] for row in (*rows, *shared)].count("draft") for n, tag in enumerate(shown)}
        return await self.pages.render(
            request, "wording.html", here="wording", by=by if by in _BY else "text", ways=_BY,
            groups=[*((name, some) for name, some in _grouped(rows) if some), ("Around the words", shared)],
            tags=shown, names=[languages.english(tag) for tag in shown], families=families,
            more=len(tags) - len(shown), english=languages.english,
            drafts={tag: number for tag, number in drafts.items() if number},
            allow_drafts=gateway.settings.languages.allow_drafts,
        )  # fmt: skip

    async def one(self, request: Request) -> Response:
        """One wording in one language, beside its English."""
        return await self._one(request, by=visitors.of(request).name)

    async def check(self, request: Request) -> Response:
        """Somebody who reads the language says that a text is right, as it stands or as they have written it."""
        gateway, form, visitor = site.of(request).gateway, await door.form(request), visitors.of(request)
        wording, language = _asked(request)
        by, entry = " ".join(form.get("by", "").split()), form.get("entry", "")
        folder = own_words.folder(gateway.settings)
        known = reviewing.texts(await self.shelf.take(language, folder), wording.group)
        written = _written(form, known)
        if not by or len(by) > states.LONGEST_NAME:
            problem = ("by", f"Write the name of whoever reads the language, in {states.LONGEST_NAME} letters at most.")
            return await self._one(request, by=by, written=written, problems=[problem])
        chosen = {name: forms for name, forms in written.items() if entry in ("", name)}
        mark = states.Review(by, gateway.today().isoformat())
        async with gateway.database.write() as session:
            taken = await asyncio.to_thread(reviewing.write, language, folder, chosen, mark)
            await own_words.note(
                session, gateway.log, taken, language=language, name=by, by=visitor.signature, now=gateway.now()
            )
        if taken.accepted or taken.changed:
            await own_words.use_again(gateway.settings)
        problems = [(_field(one.entry), f"{one.what} {one.cure}".strip()) for one in taken.refused]
        if entry and taken.unread:
            problems.append((_field(entry), "Write it in every form before you say that it is right."))
        if problems:
            kept = {name: forms for name, forms in written.items() if name not in (*taken.accepted, *taken.changed)}
            return await self._one(request, by=by, written=kept, problems=problems)
        read = len(taken.accepted) + len(taken.changed)
        said = f"{read} {'text is' if read == 1 else 'texts are'} checked by {by}, and used from now on."
        return self.pages.done(request, request.url.path, said if read else "Nothing was new in it.")

    async def _one(
        self,
        request: Request,
        *,
        by: str,
        written: Mapping[str, Sequence[str]] | None = None,
        problems: Sequence[tuple[str, str]] = (),
    ) -> Response:
        gateway, (wording, language) = site.of(request).gateway, _asked(request)
        texts = reviewing.texts(await self.shelf.take(language, own_words.folder(gateway.settings)), wording.group)
        values: dict[str, Any] = {
            "wording": wording,
            "waits": _waits(wording, language, texts),
            "language": language,
            "english": languages.english(language),
            "direction": languages.direction(language),
            "texts": texts,
            "written": written or {},
            "kinds": wording.kinds,
            "field": _field,
            "by": by,
            "left": sum(text.state != "reviewed" for text in texts),
            "is_english": language == languages.ENGLISH,
            "dated": _dated,
        }
        return await self.pages.render(
            request, "wording_one.html", status=422 if problems else 200, here="wording", problems=problems, **values
        )


def _dated(written: str) -> str:
    """The day of a review as a sentence has it; as it stands where a catalogue has a day that there is not."""
    try:
        day = date.fromisoformat(written)
    except ValueError:
        return written
    return f"{naming.short_day(day)} {day.year}"


def title(key: str) -> str:
    """How a wording is called, by its key in an address."""
    if (notice := library.notices().get(key)) is not None:
        return notice.title
    group = key.removeprefix(_PREFIX)
    return _SHARED.get(group, (group.capitalize(), ""))[0]


def _asked(request: Request) -> tuple[Wording, str]:
    key = request.path_params["key"]
    if (notice := library.notices().get(key)) is not None:
        wording = _of_notice(notice)
    else:
        groups: list[phrases.Group] = [one for one in _groups() if key == f"{_PREFIX}{one}"]
        if not groups:
            raise HTTPException(404, "There is no such wording.")
        wording = _of_group(groups[0])
    return wording, _tag(request.path_params["language"])


def _of_notice(notice: library.Notice) -> Wording:
    return Wording(notice.key, notice.key, notice.title, notice.description, _kinds(notice))


def _of_group(group: phrases.Group) -> Wording:
    title, about = _SHARED.get(group, (group.capitalize(), ""))
    kinds = {f"phrases/{group}/{name}": name.replace("_", " ").capitalize() for name in phrases.phrases()[group]}
    return Wording(f"{_PREFIX}{group}", f"phrases/{group}", title, about, kinds)


def _groups() -> Sequence[phrases.Group]:
    return get_args(phrases.Group)


def _shared_state(group: phrases.Group, tag: str) -> str:
    if tag == languages.ENGLISH:
        return "checked"
    return _STATES[phrases.state(group, tag)] if phrases.language_for(group, tag) == tag else "missing"


def _waits(wording: Wording, language: str, texts: Sequence[reviewing.Text]) -> list[Wording]:
    """What else somebody must read before these words go out: what stands around every message."""
    if language == languages.ENGLISH or wording.key.startswith(_PREFIX):
        return []
    calls = any("/voice/" in text.entry for text in texts)
    groups: list[phrases.Group] = ["message", "call"] if calls else ["message"]
    return [_of_group(one) for one in groups if _shared_state(one, language) != "checked"]


def _tag(given: str) -> str:
    if languages.match(given) != given:
        raise HTTPException(404, "That is no language that Handbell knows.")
    return given


def _grouped(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """The rows below the headings, by the first thing that each is for."""
    found: dict[str, list[Row]] = {name: [] for name, _ in _GROUPS}
    for row in rows:
        name = next((one for one, purposes in _GROUPS if _purpose(row) in purposes), _GROUPS[-1][0])
        found[name].append(row)
    return list(found.items())


def _purpose(row: Row) -> str:
    return library.notices()[row.wording.key].purposes[0]


def _kinds(notice: library.Notice) -> dict[str, str]:
    """How each text of a notice is called, by its name in the catalogue."""
    media = {"sms": "Text", "email": "Email", "voice": "Call"}
    found = {}
    for medium, table in library.MEDIA.items():
        if getattr(notice, table) is not None:
            for part in notice.wording(medium).fields():
                found[f"{notice.key}/{medium}/{part}"] = f"{media[medium]}{', subject' if part == 'subject' else ''}"
    for answer in notice.answers:
        found[f"{notice.key}/answer/{answer.code}"] = f"Answer {answer.key}"
    return found


def _field(entry: str) -> str:
    """The id of a text's first field."""
    return "t-" + entry.replace("/", "-")


def _written(form: door.Form, known: Sequence[reviewing.Text]) -> dict[str, list[str]]:
    """What was written into each text's fields, form by form; line ends are ours."""
    found = dict[str, list[str]]()
    for text in known:
        given = form.getlist(_field(text.entry))
        if len(given) == len(text.translated):
            found[text.entry] = [one.replace("\r\n", "\n").strip() for one in given]
    return found
