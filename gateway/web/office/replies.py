"""Replies: families' words that wait for a person, the conversations, and what the office does about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway import conversations, errors
from gateway.absence import deeds as absences
from gateway.absence import rules
from gateway.database import Session
from gateway.desk import answering, deeds, thread
from gateway.models import CaseState, Conversation, ConversationState, Message, Pupil
from gateway.phone_line import voicemail
from gateway.web import site
from gateway.web.office import door, frame, live, naming, reply_page, visitors
from gateway.web.office.rights import Right

HOLD: Final = timedelta(seconds=12)  #: so long an answer waits: Undo is there for ten seconds
_LONGEST: Final = 1500  #: characters of an answer
_BLANK: Final = "blank-"  #: begins the field of a blank in a ready answer


def routes(pages: frame.Pages, streams: live.Live) -> list[BaseRoute]:
    """``/replies``, ``/replies/{conversation}`` and what may be done there."""
    view = streams.add(
        live.View(
            "replies", "replies.html", ("state", "tabs", "threads", "talk", "decide"), Right.SEE_REPLIES,
            reply_page.read, own=True,
        )
    )  # fmt: skip
    acts = Acts(pages, streams, view)
    at = "/replies/{conversation:int}"
    return [
        door.page("/replies", acts.show, right=Right.SEE_REPLIES),
        door.page(at, acts.show, right=Right.SEE_REPLIES),
        door.page(f"{at}/voice/{{reply:int}}", acts.play, right=Right.SEE_REPLIES),
        door.page(f"{at}/code", acts.code, right=Right.ACT_ON_ABSENCES, methods=("POST",)),
        door.page(f"{at}/reply", acts.reply, right=Right.ANSWER_REPLIES, methods=("POST",)),
        door.page(f"{at}/assign", acts.assign, right=Right.ANSWER_REPLIES, methods=("POST",)),
        door.page(f"{at}/tell", acts.tell, right=Right.ANSWER_REPLIES, methods=("POST",)),
        door.page(f"{at}/done", acts.done, right=Right.ANSWER_REPLIES, methods=("POST",)),
        door.page(f"{at}/undo", acts.undo, right=Right.ANSWER_REPLIES, methods=("POST",)),
    ]


@dataclass(frozen=True, slots=True)
class Acts:
    """The page and its deeds. Each is one that the command line and the API have, too."""

    pages: frame.Pages
    streams: live.Live
    view: live.View

    async def show(self, request: Request) -> Response:
        """The page, alive: the list, and one conversation."""
        return await self.streams.show(request, self.view)

    async def play(self, request: Request) -> Response:
        """A voice message; that somebody listened is written down."""
        gateway, visitor = site.of(request).gateway, visitors.of(request)
        async with gateway.database.write() as session:
            root = await self._root(session, request)
            said = await thread.read(session, root.id or 0)
            reply = str(request.path_params["reply"])
            if not any(one.voice and one.id == reply for one in said.said):
                raise errors.NotFound("There is no such voice message in this conversation.")
            played = await voicemail.play(session, gateway, int(reply), by=visitor.signature)
        return Response(
            played.audio.content, media_type=played.audio.content_type, headers={"Cache-Control": "no-store"}
        )

    async def code(self, request: Request) -> Response:
        """Record a register code for a child, and tell whoever wrote, where that is wanted."""
        here, form, by = site.of(request), await door.form(request), visitors.of(request).signature
        gateway, after = here.gateway, await self._next(request)
        decided = rules.load(gateway.settings, gateway.year)
        code, message = form.get("code", ""), None
        case_id = _number(form.get("case", ""))
        if case_id is None:
            return await self._again(request, form, [("", "Say which child it is about")])
        if form.get("other") and not code:
            return await self._again(request, form, [("code", "Pick a code")])
        try:
            async with gateway.database.write() as session:
                root = await self._root(session, request)
                if code:
                    verdict = absences.Verdict(CaseState.EXPLAINED, await self._who(session, root), code)
                    case = await absences.settle(session, gateway, decided, case_id, verdict, by=by)
                else:
                    case = await absences.confirm(session, gateway, decided, case_id, by=by)
                if form.get("send"):
                    said = answering.Answer(
                        canned=form["send"], up_to=_number(form.get("up_to", "")), after=form.get("after")
                    )
                    message = await answering.answer(session, gateway, root.id or 0, said, by=by, hold=HOLD)
                await self._close(session, root, "answered" if message else "no_answer_needed", by=by)
                pupil = await session.get_one(Pupil, case.pupil_id)
        except (errors.BadInput, errors.Conflict) as error:
            return await self._again(request, form, [("code", _sentence(error))])
        here.planned()
        known = decided.codes.known(case.code, case.date)
        word = known.meaning.partition(" (")[0].lower() if known else "code"
        text = f"{naming.called(pupil)} recorded as {word} ({case.code})."
        text += f" The {_by(message)} leaves in 10 seconds." if message else ""
        undo = _undo(request, case=str(case.id), message=message.id if message else "")
        return self.pages.done(request, after, text, undo=undo)

    async def reply(self, request: Request) -> Response:
        """Write to whoever wrote, in words of one's own or ready ones."""
        here, form, by = site.of(request), await door.form(request), visitors.of(request).signature
        words, ready, after = form.get("words", "").strip(), form.get("ready", ""), await self._next(request)
        if not words and not ready:
            return await self._again(request, form, [("words", "Write an answer first")])
        if len(words) > _LONGEST:
            return await self._again(request, form, [("words", f"Write {_LONGEST:,} letters at most")])
        blanks = {name.removeprefix(_BLANK): value for name, value in form.items() if name.startswith(_BLANK)}
        said = answering.Answer(
            "" if ready else words,
            "en",
            ready,
            blanks if ready else {},
            up_to=_number(form.get("up_to", "")),
            after=form.get("after"),
        )
        try:
            async with here.gateway.database.write() as session:
                root = await self._root(session, request)
                message = await answering.answer(session, here.gateway, root.id or 0, said, by=by, hold=HOLD)
        except (errors.BadInput, errors.Conflict) as error:
            field = f"ready-{ready}" if ready else "words"
            return await self._again(request, form, [(field, _sentence(error))])
        here.planned()
        text = f"Your {_by(message)} leaves in 10 seconds."
        return self.pages.done(request, after, text, undo=_undo(request, message=message.id))

    async def assign(self, request: Request) -> Response:
        """Say who answers."""
        here, form, visitor = site.of(request), await door.form(request), visitors.of(request)
        owner = form.get("owner", "").strip()
        async with here.gateway.database.write() as session:
            root = await self._root(session, request)
            if owner not in await reply_page.owners(session, here.gateway, visitor, root):
                raise HTTPException(422, "Pick somebody of the list: others could not read it.")
            await deeds.take(session, here.gateway, root.id or 0, owner, by=visitor.signature)
        back = self._here(request, form)
        return self.pages.done(request, back, "It is yours now." if owner == visitor.name else f"{owner} has it now.")

    async def tell(self, request: Request) -> Response:
        """Tell the safeguarding lead: about a child who is away, or about what was written."""
        here, form, by = site.of(request), await door.form(request), visitors.of(request).signature
        decided = rules.load(here.gateway.settings, here.gateway.year)
        after = await self._next(request)
        try:
            async with here.gateway.database.write() as session:
                root = await self._root(session, request)
                if (case := _number(form.get("case", ""))) and visitors.of(request).may(Right.ACT_ON_ABSENCES):
                    await absences.worry(session, here.gateway, decided, case, "", by=by)
                await deeds.worry(session, here.gateway, root.id or 0, decided.lead, by=by)
        except (errors.BadInput, errors.Conflict) as error:
            return await self._again(request, form, [("", _sentence(error))])
        here.planned()
        return self.pages.done(request, after, f"Passed to {decided.lead}, who is told now.")

    async def done(self, request: Request) -> Response:
        """Nothing is left to do in it."""
        here, form, by = site.of(request), await door.form(request), visitors.of(request).signature
        outcome, after = form.get("outcome", "no_answer_needed"), await self._next(request)
        async with here.gateway.database.write() as session:
            root = await self._root(session, request)
            closed = await deeds.close(session, here.gateway, root.id or 0, outcome, by=by)
        if closed.state is ConversationState.OPEN:
            return self.pages.done(request, self._here(request, form), "New words came this very moment: read them.")
        return self.pages.done(request, after, "Sorted. Nothing was sent.", undo=_undo(request))

    async def undo(self, request: Request) -> Response:
        """Take back what was done a moment ago: nothing has left."""
        here, by, asked = site.of(request), visitors.of(request).signature, request.query_params
        async with here.gateway.database.write() as session:
            root = await self._root(session, request)
            case, message = _number(asked.get("case", "")), asked.get("message", "")
            if message or not case or root.closed_by == by:
                await deeds.undo(session, here.gateway, root.id or 0, message, by=by)
            if case:
                await absences.unconfirm(session, here.gateway, case, by=by)
        return self.pages.done(request, f"/replies/{root.id}", "Taken back. Nothing was sent.")

    async def _root(self, session: Session, request: Request) -> Conversation:
        """The conversation of the address, as far as the visitor may see it."""
        gateway, asked = site.of(request).gateway, int(request.path_params["conversation"])
        root = await conversations.find(session, min(asked, 2**31 - 1))
        await reply_page.allowed(session, gateway, visitors.of(request), root)
        return root

    async def _close(self, session: Session, root: Conversation, outcome: str, *, by: str) -> None:
        """The child's code was all that it was about, unless words have come that nobody has seen."""
        gateway = self.pages.here.gateway
        await session.refresh(root)
        if root.state is ConversationState.OPEN and (outcome == "no_answer_needed" or root.waiting_since is None):
            await deeds.close(session, gateway, root.id or 0, outcome, by=by)

    async def _who(self, session: Session, root: Conversation) -> str:
        found = await thread.read(session, root.id or 0)
        return found.contact or "a parent"

    async def _next(self, request: Request) -> str:
        """Where to go after a deed: the one after this in the list, or the list itself where it is the last."""
        form = await door.form(request)
        given = {"show": form.get("show", "waiting")}
        found = await reply_page.ids(site.of(request), visitors.of(request), given)
        this = int(request.path_params["conversation"])
        after = found[found.index(this) + 1 :] if this in found else found
        others = [one for one in (*after, *found) if one != this]
        tab = urlencode({"show": reply_page.asked_show(given)})
        return f"/replies/{others[0]}?{tab}" if others else f"/replies?{tab}"

    def _here(self, request: Request, form: Mapping[str, str]) -> str:
        tab = urlencode({"show": reply_page.asked_show(form)})
        return f"/replies/{request.path_params['conversation']}?{tab}"

    async def _again(self, request: Request, form: Mapping[str, Any], problems: list[tuple[str, str]]) -> Response:
        """The page once more, with everything that was typed."""
        return await self.streams.show(request, self.view, status=422, given=dict(form), problems=problems)


def _number(given: str) -> int | None:
    return door.number(given) if given else None


def _sentence(error: errors.HandbellError) -> str:
    return " ".join(sentence for _, sentence in door.faults(error))


def _by(message: Message) -> str:
    return {"sms": "text", "email": "email"}.get(message.medium.value, "message")


def _undo(request: Request, **of: str) -> str:
    asked = urlencode({name: value for name, value in of.items() if value})
    return f"/replies/{request.path_params['conversation']}/undo{'?' if asked else ''}{asked}"
