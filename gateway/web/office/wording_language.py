"""One language: what waits to be read, a volunteer's file there and back, and its phrases heard and recorded."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlmodel import col, select
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway import errors, own_words
from gateway.models import Clip
from gateway.phone_line import studio
from gateway.voicebank import bank, coverage, sounds
from gateway.web import site
from gateway.web.office import door, frame, naming, visitors, wording
from gateway.web.office.rights import Right
from templates import aloud, languages, pofiles, reviewing, states

_LARGEST_WORDS: Final = 4 * 1024 * 1024  #: bytes of a volunteer's file
_LARGEST_SOUNDS: Final = 20 * 1024 * 1024  #: bytes of recordings that are sent at once
_CODE: Final = re.compile(r"[0-9a-f]{12}")
_MOST_REFUSED: Final = 20


def routes(pages: frame.Pages, shelf: wording.Shelf) -> list[BaseRoute]:
    """``/wording/{language}``, and what is handed in there."""
    shown, see, review, post = Page(pages, shelf), Right.SEE_WORDING, Right.REVIEW_WORDING, ("POST",)
    return [
        door.page("/wording/{language}.po", shown.file, right=review),
        door.page("/wording/{language}.csv", shown.sheet, right=review),
        door.page("/wording/{language}", shown.show, right=see),
        door.page("/wording/{language}/words", shown.take_words, right=review, methods=post, largest=_LARGEST_WORDS),
        door.page("/wording/{language}/voice", shown.take_sounds, right=review, methods=post, largest=_LARGEST_SOUNDS),
        door.page("/wording/{language}/voice/{code}", shown.listen, right=see),
        door.page("/wording/{language}/invite", shown.invite, right=review, methods=post),
    ]


@dataclass(frozen=True, slots=True)
class Phrase:
    """What is said in one breath: where it is heard, and whether somebody has recorded it."""

    code: str
    words: str
    where: str
    recorded: bool


@dataclass(frozen=True, slots=True)
class Page:
    """The page."""

    pages: frame.Pages
    shelf: wording.Shelf

    async def show(self, request: Request) -> Response:
        """How far the language is."""
        return await self._page(request)

    async def file(self, request: Request) -> Response:
        """What nobody has read yet of a language, for a volunteer's own program. Nobody's data is in it."""
        return await _for_a_volunteer(request, ".po", "text/x-gettext-translation; charset=utf-8")

    async def sheet(self, request: Request) -> Response:
        """The same for whoever would rather have a spreadsheet."""
        return await _for_a_volunteer(request, ".csv", "text/csv; charset=utf-8")

    async def take_words(self, request: Request) -> Response:
        """Take over what a volunteer has read."""
        gateway, form, visitor = site.of(request).gateway, await door.form(request), visitors.of(request)
        language, by = _tag(request), " ".join(form.get("by", "").split())
        sent = await door.files(request, "file")
        if not sent:
            return await self._page(request, by=by, problems=[("file", "Choose the file that came back.")])
        if not by or len(by) > states.LONGEST_NAME:
            sentence = f"Write the name of whoever has read it, in {states.LONGEST_NAME} letters at most."
            return await self._page(request, by=by, problems=[("by", sentence)])
        folder, mark = own_words.folder(gateway.settings), states.Review(by, gateway.today().isoformat())
        try:
            async with gateway.database.write() as session:
                taken = await _take_back(sent[0], language, folder, mark)
                await own_words.note(
                    session, gateway.log, taken, language=language, name=by, by=visitor.signature, now=gateway.now()
                )
        except (pofiles.Unreadable, errors.BadInput) as error:
            return await self._page(request, by=by, problems=[("file", naming.sentence(str(error)))])
        read = len(taken.accepted) + len(taken.changed)
        if read:
            await own_words.use_again(gateway.settings)
        said = f"{naming.count(read, 'text is', 'texts are')} checked by {by}, and used from now on."
        if taken.unread:
            said += f" {taken.unread} still had the mark “needs work”."
        if taken.refused:
            more = [
                ("file", naming.sentence(f"{_where(one.entry)}, line {one.line}: {one.what} {one.cure}"))
                for one in taken.refused[:_MOST_REFUSED]
            ]
            return await self._page(request, by=by, problems=more, said=said if read else "")
        return self.pages.done(
            request, f"/wording/{language}", said if read or taken.unread else "Nothing was new in it."
        )

    async def take_sounds(self, request: Request) -> Response:
        """Keep recordings: all of them or, where one is wrong, none. Each file begins with the code of its words."""
        gateway, visitor, language = site.of(request).gateway, visitors.of(request), _tag(request)
        await door.form(request)
        sent, known = await door.files(request, "sounds"), {one.code: one.words for one in await self._phrases(request)}
        problems, found = list[tuple[str, str]](), list[bank.Recording]()
        for file in sent:
            name = Path(file.filename or "").name
            code = _CODE.match(name.lower())
            if code is None or code[0] not in known:
                problems.append(("sounds", f"{name}: begin its name with the code that stands beside the words."))
            else:
                found.append(bank.Recording(language, known[code[0]], await file.read(sounds.LARGEST + 1), name))
        if not sent:
            problems = [("sounds", "Choose the recordings.")]
        if not problems:
            try:
                async with gateway.database.write() as session:
                    for one in found:
                        await bank.keep(session, one, by=visitor.signature, log=gateway.log, now=gateway.now())
            except errors.BadInput as error:
                problems = [("sounds", naming.sentence(str(one))) for one in error.problems]
        if problems:
            return await self._page(request, problems=problems)
        if "hx-request" in request.headers:  # recorded on the page, which stays
            return Response(status_code=204)
        return self.pages.done(
            request, f"/wording/{language}#calls", f"{naming.count(len(found), 'recording is', 'recordings are')} kept."
        )

    async def listen(self, request: Request) -> Response:
        """A recording."""
        query = select(Clip).where(Clip.language == _tag(request), col(Clip.said) == request.path_params["code"])
        async with site.of(request).gateway.database.read() as session:
            found = (await session.scalars(query)).one_or_none()
        if found is None:
            raise HTTPException(404)
        return Response(found.content, media_type=found.content_type, headers={"Cache-Control": "no-store"})

    async def invite(self, request: Request) -> Response:
        """Let somebody record by telephone: a code, shown once."""
        gateway, language = site.of(request).gateway, _tag(request)
        await door.form(request)
        if not gateway.lines:
            raise HTTPException(409, "Nobody can ring us: the phone line is not set up.")
        async with gateway.database.write() as session:
            invited = await studio.invite(session, gateway, language, by=visitors.of(request).signature)
        return await self._page(request, invited=invited)

    async def _phrases(self, request: Request) -> list[Phrase]:
        tag = _tag(request)
        async with site.of(request).gateway.database.read() as session:
            there = await bank.load(session)
        lines = await asyncio.to_thread(aloud.script, tag)
        return [
            Phrase(aloud.fingerprint(tag, one.piece.words), one.piece.words, one.where,
                   there.find(tag, one.piece) is not None)
            for one in lines
        ]  # fmt: skip

    async def _page(
        self,
        request: Request,
        *,
        by: str = "",
        problems: Sequence[tuple[str, str]] = (),
        said: str = "",
        invited: tuple[str, datetime] | None = None,
    ) -> Response:
        gateway, tag = site.of(request).gateway, _tag(request)
        waiting = reviewing.unread(await self.shelf.take(tag, own_words.folder(gateway.settings)))
        by_wording = dict[str, int]()
        for one in waiting:
            by_wording[_wording(one.entry)] = by_wording.get(_wording(one.entry), 0) + 1
        async with gateway.database.read() as session:
            heard = (await coverage.families(session)).get(tag, 0)
        speaks = gateway.speaks(tag)
        values: dict[str, Any] = {
            "tag": tag, "english": languages.english(tag), "direction": languages.direction(tag),
            "waiting": len(waiting),
            "wordings": [(key, wording.title(key), count) for key, count in by_wording.items()], "heard": heard,
            "speaks": speaks, "phrases": await self._phrases(request), "by": by, "said_here": said,
            "problems": problems,
            "places": {"call": "In every call", "values": "Days, months and numbers"}, "title": wording.title,
            "invited": invited, "rings": bool(gateway.lines), "plays": bool(gateway.public_url),
        }  # fmt: skip
        return await self.pages.render(
            request, "wording_language.html", status=422 if problems else 200, here="wording", **values
        )


async def _for_a_volunteer(request: Request, suffix: str, kind: str) -> Response:
    gateway, language = site.of(request).gateway, _tag(request)
    with tempfile.TemporaryDirectory(prefix="handbell-words-") as name:
        file = Path(name) / f"{language}{suffix}"
        await asyncio.to_thread(reviewing.export, language, own_words.folder(gateway.settings), file)
        body = file.read_bytes()
    headers = {"Content-Disposition": f'attachment; filename="handbell-{file.name}"', "Cache-Control": "no-store"}
    return Response(body, media_type=kind, headers=headers)


async def _take_back(sent: UploadFile, language: str, folder: Path, mark: states.Review) -> reviewing.Taken:
    """Raises :class:`pofiles.Unreadable`, :class:`errors.BadInput` for a file of another language."""
    kind = ".csv" if (sent.filename or "").lower().endswith(".csv") else ".po"
    with tempfile.TemporaryDirectory(prefix="handbell-words-") as name:
        file = Path(name) / f"came-back{kind}"
        file.write_bytes(await sent.read())
        found = await asyncio.to_thread(reviewing.language_of, file)
        if found not in (None, language):
            what = f"this file is in {languages.english(found or '')}, not in {languages.english(language)}."
            raise errors.BadInput([errors.Problem(what, "Hand it in on the page of that language.")])
        return await asyncio.to_thread(reviewing.take_back, file, language, folder, mark)


def _tag(request: Request) -> str:
    given = str(request.path_params["language"])
    if languages.match(given) != given or given == languages.ENGLISH:
        raise HTTPException(404, "That is no language that families' words are translated into.")
    return given


def _wording(entry: str) -> str:
    """The key of the page on which a text is read: ``absence_check``, ``shared-message``."""
    first, _, rest = entry.partition("/")
    return f"shared-{rest.partition('/')[0]}" if first == "phrases" else first


def _where(entry: str) -> str:
    return wording.title(_wording(entry))
