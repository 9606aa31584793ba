"""The watched folder: files of marks are taken in as they come, and put away with what was wrong in them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from gateway import context, errors, tasks
from gateway.absence import registers, rules
from gateway.registers import folder, marks, reading

logger = structlog.get_logger()

_MOST_REMARKS = 500


class Dropping:
    """Looks into the folder of ``absence.marks_folder`` again and again."""

    def __init__(self, gateway: context.Gateway, decided: rules.Rules, path: Path):
        self._gateway, self._rules = gateway, decided
        self._folder = folder.Folder(path)

    async def look(self) -> None:
        """Take in what has come whole since the last look."""
        try:
            found = await asyncio.to_thread(self._folder.whole)
        except OSError as error:
            what = f"The folder for register marks cannot be read: {error.strerror}."
            await self._ask("folder", what, "See absence.marks_folder, and who may read it.")
            return
        for path in found:
            await self._take(path)

    async def _take(self, path: Path) -> None:
        gateway, now = self._gateway, self._gateway.now()
        try:
            written = await asyncio.to_thread(reading.read, path)
        except errors.BadInput as error:
            what = "A file of register marks could not be read at all, and was put into the folder “refused”."
            await self._ask("refused", what, "The remarks beside it say why. Export it again.")
            remarks = [str(problem) for problem in error.problems]
            await self._put_away(path, folder.REFUSED, remarks)
            return
        source = marks.Source(path.name, "handbell")
        async with gateway.database.write() as session:
            found = await reading.sort(session, written, self._rules.for_reading, file=path.name, today=gateway.today())
            changes = await registers.take_in(session, gateway, self._rules, found.given, source)
            if found.problems:
                what = f"{len(found.problems)} rows of a file of register marks were left out."
                cure = "The remarks beside it in the folder “done” name each, with its cure."
                ask = tasks.Ask("marks.rows", "marks", what, cure)
                await tasks.ask(session, ask, log=gateway.log, now=now)
        logger.info("marks.taken_in", rows=found.rows, changed=len(changes), left_out=len(found.problems))
        await self._put_away(path, folder.DONE, [str(problem) for problem in found.problems[:_MOST_REMARKS]])

    async def _put_away(self, path: Path, where: str, remarks: list[str]) -> None:
        try:
            await asyncio.to_thread(self._folder.put_away, path, where, now=self._gateway.now(), remarks=remarks)
        except OSError as error:  # it is read again and again then, which changes nothing
            what = f"A file of register marks cannot be moved: {error.strerror}."
            await self._ask("folder", what, "Let Handbell write into absence.marks_folder.")

    async def _ask(self, kind: str, what: str, cure: str) -> None:
        gateway = self._gateway
        async with gateway.database.write() as session:
            ask = tasks.Ask(f"marks.{kind}", "marks", what, cure, urgent=True)
            await tasks.ask(session, ask, log=gateway.log, now=gateway.now())
