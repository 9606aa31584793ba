"""Import: the school's own lists, taken over after a person has seen what would change; and taken back again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway import context, errors
from gateway.database import Session
from gateway.errors import Problem
from gateway.importing import conflicts, diff, runs, trying, undo, uploads
from gateway.importing.report import NAMES, Lines, Report
from gateway.web import site
from gateway.web.office import cures, door, frame, naming, visitors
from gateway.web.office.rights import Right

LARGEST: Final = 64 * 1024 * 1024  #: bytes of all files together: a large secondary's Wonde file is 30 million
_PATIENCE: Final = 300.0  #: seconds for them to come
_EXAMPLES: Final = 40  #: of every sort of change
_SHOWN: Final = 300  #: mistakes and remarks of each sort
_EARLIER: Final = 20
_LARGEST_ID: Final = 2**31 - 1
ENCODINGS: Final = {"": "Let Handbell find out", "utf-8": "UTF-8", "cp1252": "Windows, Western Europe",
                    "cp1250": "Windows, Central Europe"}  # fmt: skip
_GO_ON: Final = "Tick that you have looked, if it is all right."
_SORTS: Final = {"new": "New", "changed": "Changed", "gone": "Not in the files any more"}

Faults = Sequence[tuple[str, str]]


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/import``: choosing files, looking, taking over, questions, and putting back."""
    shown, right = Pages(pages), Right.IMPORT_PEOPLE
    return [
        door.page("/import", shown.ask, right=right),
        door.page("/import", shown.send, right=right, methods=("POST",), largest=LARGEST, patience=_PATIENCE),
        door.page("/import/questions", shown.questions, right=right),
        door.page("/import/questions", shown.answer, right=right, methods=("POST",)),
        door.page("/import/waiting/{key}", shown.look, right=right),
        door.page("/import/waiting/{key}", shown.take_over, right=right, methods=("POST",)),
        door.page("/import/waiting/{key}/drop", shown.drop, right=right, methods=("POST",)),
        door.page("/import/{run:int}", shown.one, right=right),
        door.page("/import/{run:int}/undo", shown.undo, right=right, methods=("POST",)),
    ]


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages."""

    pages: frame.Pages

    async def ask(self, request: Request) -> Response:
        """Where to choose files, and the imports that there were."""
        return await self._ask(request, {"source": "", "encoding": ""})

    async def send(self, request: Request) -> Response:
        """Take the files in, find out what would change, and show that; nothing is written."""
        gateway, visitor, form = site.of(request).gateway, visitors.of(request), await door.form(request)
        given = {"source": form.get("source", "").strip()[:60], "encoding": form.get("encoding", "")}
        sent = [(one.filename or "", one.file) for one in await door.files(request, "files")]
        if given["encoding"] not in ENCODINGS or not sent:
            return await self._ask(request, given, problems=[("files", "Choose the files that were exported.")])
        shelf = _uploads(gateway)
        try:
            upload = await asyncio.to_thread(_put, shelf, sent, gateway)
        except errors.BadInput as error:
            return await self._ask(request, given, problems=door.faults(error))
        try:
            await _try(gateway, upload, visitor, given)
        except errors.BadInput as error:
            shelf.drop(upload.key)
            return await self._ask(request, given, problems=[("files", str(one)) for one in error.problems])
        except BaseException:
            shelf.drop(upload.key)
            raise
        return door.to(f"/import/waiting/{upload.key}")

    async def look(self, request: Request) -> Response:
        """What these files would change."""
        return await self._look(request)

    async def take_over(self, request: Request) -> Response:
        """Write what was shown, unless the records have changed meanwhile: then it is shown anew."""
        gateway, visitor, form = site.of(request).gateway, visitors.of(request), await door.form(request)
        upload = _find(request)
        note, go_on = upload.note, form.get("go_on") == "yes"
        if note["stops"] and not go_on:
            return await self._look(request, problems=[("go_on", _GO_ON)])
        try:
            report = await trying.take_over(
                _asked(upload, visitor, note), _means(gateway), write=True, go_on=go_on, as_shown=note["counts"]
            )
        except errors.Conflict:
            await _try(gateway, upload, visitor, note)
            changed = "Handbell’s records have changed since you looked. This is what would change now."
            return await self._look(request, problems=[("", changed)])
        _uploads(gateway).drop(upload.key)
        here = f"/import/{report.import_id}"
        return self.pages.done(request, here, "Taken over.", undo=f"{here}/undo")

    async def drop(self, request: Request) -> Response:
        """Let the files go, unwritten."""
        await door.form(request)
        _uploads(site.of(request).gateway).drop(_find(request).key)
        return self.pages.done(request, "/import", "Nothing was written, and the files are gone.")

    async def one(self, request: Request) -> Response:
        """One import: what came of it."""
        return await self._one(request)

    async def undo(self, request: Request) -> Response:
        """Put an import back."""
        gateway, visitor = site.of(request).gateway, visitors.of(request)
        await door.form(request)
        try:
            async with gateway.database.write() as session:
                done = await undo.undo(
                    session, _id(request), days=gateway.settings.retention.imports_days, by=visitor.signature,
                    log=gateway.log, now=gateway.now(),
                )  # fmt: skip
        except errors.Conflict as error:
            return await self._one(request, problems=[("", str(error))])
        said = f"Put back: {naming.count(done.removed, 'row is', 'rows are')} gone, {done.restored:,} as before."
        if done.kept:
            return await self._one(request, kept=done.kept, said=said)
        return self.pages.done(request, f"/import/{done.import_id}", said)

    async def questions(self, request: Request) -> Response:
        """What the files say against what families confirmed or the school decided."""
        return await self._questions(request)

    async def answer(self, request: Request) -> Response:
        """Let ours or theirs hold, for each question that somebody has decided."""
        gateway, visitor, form = site.of(request).gateway, visitors.of(request), await door.form(request)
        given = {
            int(name.removeprefix("q")): which
            for name, which in form.items()
            if name.removeprefix("q").isdecimal() and len(name) < 11 and which in (conflicts.OURS, conflicts.THEIRS)
        }
        if not given:
            return await self._questions(request, problems=[("", "Choose for one of them at least which holds.")])
        async with gateway.database.write() as session:
            for id_, which in given.items():
                await conflicts.answer(
                    session, id_, which=which, by=visitor.signature, log=gateway.log, now=gateway.now()
                )
        said = f"{naming.count(len(given), 'question is', 'questions are')} decided."
        return self.pages.done(request, "/import/questions", said)

    async def _ask(self, request: Request, given: Mapping[str, str], *, problems: Faults = ()) -> Response:
        gateway = site.of(request).gateway
        await asyncio.to_thread(_uploads(gateway).sweep, now=gateway.now())
        async with gateway.database.read() as session:
            values: dict[str, Any] = {
                "earlier": [_row(run) for run in await runs.latest(session, limit=_EARLIER)],
                "waiting": len(await conflicts.waiting(session)),
            }
        return await self.pages.render(
            request, "import.html", status=422 if problems else 200, here="import", given=given, problems=problems,
            encodings=ENCODINGS, largest=LARGEST // 1024**2, local=_local(gateway), **values,
        )  # fmt: skip

    async def _look(self, request: Request, *, problems: Faults = ()) -> Response:
        upload = _find(request)
        return await self.pages.render(
            request, "import_waiting.html", status=422 if problems else 200, here="import", key=upload.key,
            found=upload.note, title=_title(upload.note["counts"]), names=NAMES, sorts=_SORTS, problems=problems,
        )  # fmt: skip

    async def _one(
        self, request: Request, *, problems: Faults = (), kept: Lines | None = None, said: str = ""
    ) -> Response:
        gateway, import_id = site.of(request).gateway, _id(request)
        days = gateway.settings.retention.imports_days
        async with gateway.database.read() as session:
            run = await runs.one(session, import_id)
            examples, waiting = await _examples(session, import_id), len(await conflicts.waiting(session))
        return await self.pages.render(
            request, "import_one.html", status=422 if problems else 200, here="import", run=_row(run), names=NAMES,
            sorts=_SORTS, local=_local(gateway), problems=problems, kept=kept.texts() if kept else [], put_back=said,
            days=days, lasts=gateway.now() - run.at < timedelta(days=days), examples=examples, waiting=waiting,
        )  # fmt: skip

    async def _questions(self, request: Request, *, problems: Faults = ()) -> Response:
        gateway = site.of(request).gateway
        async with gateway.database.read() as session:
            found = await conflicts.waiting(session)
        return await self.pages.render(
            request, "import_questions.html", status=422 if problems else 200, here="import", found=found,
            problems=problems, local=_local(gateway),
        )  # fmt: skip


def _uploads(gateway: context.Gateway) -> uploads.Uploads:
    return uploads.Uploads(Path(gateway.settings.database.state_dir) / "uploads")


def _put(shelf: uploads.Uploads, sent: Sequence[tuple[str, IO[bytes]]], gateway: context.Gateway) -> uploads.Upload:
    return shelf.put(sent, now=gateway.now())


def _find(request: Request) -> uploads.Upload:
    """The files that wait under the address's key, of the one who sent them."""
    gateway, visitor = site.of(request).gateway, visitors.of(request)
    upload = _uploads(gateway).find(request.path_params["key"], now=gateway.now())
    if upload.note.get("account") != visitor.account:
        raise HTTPException(403, "Somebody else has sent these files, and decides about them.")
    return upload


def _asked(upload: uploads.Upload, visitor: visitors.Visitor, given: Mapping[str, Any]) -> trying.Wanted:
    return trying.Wanted(upload.files, visitor.signature, given["source"], given["encoding"])


def _means(gateway: context.Gateway) -> trying.Means:
    return trying.Means(gateway.database, gateway.log, gateway.now(), gateway.today())


async def _try(
    gateway: context.Gateway, upload: uploads.Upload, visitor: visitors.Visitor, given: Mapping[str, Any]
) -> None:
    """Find out what the files would change, and write that beside them."""
    found = dict[str, Any]()

    async def tell(session: Session, report: Report) -> None:
        found["examples"] = await _examples(session, report.import_id)

    report = await trying.take_over(_asked(upload, visitor, given), _means(gateway), write=False, tell=tell)
    note = {
        "account": visitor.account,
        "source": given["source"],
        "encoding": given["encoding"],
        "counts": trying.counts(report),
        "files": [
            {"file": one.file, "rows": one.rows, "left_out": one.left_out, "unused": list(one.unused)}
            for one in report.files
        ],
        "stops": report.stops,
        "missing": [one.what for one in report.missing.kept[:_SHOWN]],
        "questions": report.conflicts,
        "problems": _told(report.found),
        "warnings": _told(report.noticed),
        **found,
    }
    _uploads(gateway).note(upload.key, note, now=gateway.now())


def _told(lines: Lines) -> dict[str, Any]:
    """Mistakes with their places; a question is no mistake, it is asked once the files are taken over."""
    kept = [one for one in lines.kept if one.cure != conflicts.CURE]
    rows = [{"place": _place(one), "what": one.what, "cure": cures.without_commands(one.cure)} for one in kept[:_SHOWN]]
    return {"rows": rows, "count": len(kept) + lines.more}


def _place(one: Problem) -> str:
    parts = (one.file, f"line {one.line}" if one.line else "", f"“{one.field}”" if one.field else "")
    return ", ".join(part for part in parts if part)


async def _examples(session: Session, import_id: int) -> dict[str, dict[str, list[str]]]:
    """Some of every sort of change: kind, what happened, names."""
    found = dict[str, dict[str, list[str]]]()
    for one in await diff.examples(session, import_id, each=_EXAMPLES):
        changes = one.changes()
        found.setdefault(one.kind, {}).setdefault(one.how, []).append(f"{one.name}: {changes}" if changes else one.name)
    return found


def _title(counts: Mapping[str, Mapping[str, int]]) -> str:
    """What would come of it, in a sentence."""
    words = []
    for how, verb in (("new", "add"), ("changed", "change"), ("gone", "take out")):
        parts = [
            naming.count(counts[kind][how], one, many)
            for kind, one, many in (("pupils", "child", "children"), ("contacts", "grown-up", "grown-ups"))
            if counts[kind][how]
        ]
        words += [f"{verb} {' and '.join(parts)}"] if parts else []
    if words:
        return f"These files would {', '.join(words[:-1]) + ' and ' if words[1:] else ''}{words[-1]}"
    changed = any(count[how] for count in counts.values() for how in ("new", "changed", "gone"))
    return "These files would change some details" if changed else "These files would change nothing"


def _row(run: Any) -> dict[str, Any]:
    """An import there was; ``sums`` over all kinds of rows."""
    sums = {how: sum(count[how] for count in run.counts.values()) for how in _SORTS}
    files = [file["file"] for file in run.files]
    return {"id": run.id, "at": run.at, "by": run.by, "source": run.source, "files": files, "counts": run.counts,
            "sums": sums, "undone_at": run.undone_at, "undone_by": run.undone_by}  # fmt: skip


def _id(request: Request) -> int:
    found: int = request.path_params["run"]
    if found > _LARGEST_ID:
        raise HTTPException(404)
    return found


def _local(gateway: context.Gateway) -> Any:
    return lambda at: at.astimezone(gateway.timezone)
