"""DeepL, by its API of version 2. Marks go as empty XML elements, each of which it keeps beside its words."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from channels.translators import base, wire
from channels.translators.base import Marked, NotTranslated, Trouble

_PAID, _FREE = "https://api.deepl.com", "https://api-free.deepl.com"
_MARK = re.compile(r"""<m\s+id=["'](\d+)["']\s*(?:/>|>\s*</m\s*>)""")
_MOST, _MOST_CHARACTERS = 50, 20_000  #: texts in a question; 128 KiB of UTF-8, with the marks and the rest
_QUOTA = 456  #: DeepL's own status: the month's characters are used up


class DeepL:
    """DeepL. ``address`` is ``""`` for its own: that of the free accounts is told by their keys."""

    name = "DeepL"

    def __init__(self, address: str, *, key: str, seconds: float) -> None:
        usual = _FREE if key.endswith(":fx") else _PAID
        headers = {"Authorization": f"DeepL-Auth-Key {key}"}
        self._wire = wire.Wire(self.name, (address or usual).rstrip("/"), seconds, headers)
        self._offered: tuple[frozenset[str], frozenset[str]] | None = None

    async def reach(self, tags: Iterable[str]) -> frozenset[str]:
        """Those of our language tags that it translates from English, and back."""
        sources, targets = await self._languages()
        return frozenset(tag for tag in tags if base.code(tag, targets) and base.code(tag, sources))

    async def translate(
        self, texts: Sequence[Marked], *, source: str, target: str, context: str = ""
    ) -> Sequence[Marked]:
        """Translate texts. The ``context`` is read along and not charged."""
        sources, targets = await self._languages()
        from_code, to_code = base.code(source, sources) if source else "", base.code(target, targets)
        if from_code is None or to_code is None:
            raise self._wire.no_language(target if to_code is None else source)
        found = list[Marked]()
        for batch in base.batches(texts, most=_MOST, most_characters=_MOST_CHARACTERS):
            found += await self._ask(batch, from_code, to_code, context)
        return found

    async def _ask(self, batch: Sequence[Marked], source: str, target: str, context: str) -> list[Marked]:
        body: dict[str, object] = {
            "text": [_written(text) for text in batch],
            "target_lang": target,
            "tag_handling": "xml",
            "tag_handling_version": "v2",
            "split_sentences": "nonewlines",
        }
        body |= ({"source_lang": source} if source else {}) | ({"context": context} if context else {})
        answer = await self._wire.ask("POST", "/v2/translate", body=body)
        if answer.status != 200:
            raise self._explained(answer, target)
        rows = answer.data.get("translations") if isinstance(answer.data, dict) else None
        found = [row.get("text") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        if len(found) != len(batch):
            raise self._wire.garbage()
        return [self._read(one) for one in found]

    def _read(self, answer: object) -> Marked:
        if not isinstance(answer, str):
            raise self._wire.garbage()
        return base.read(answer, _MARK)

    async def _languages(self) -> tuple[frozenset[str], frozenset[str]]:
        """What it translates from, and what into."""
        if self._offered is None:
            self._offered = await self._list("source"), await self._list("target")
        return self._offered

    async def _list(self, kind: str) -> frozenset[str]:
        answer = await self._wire.ask("GET", "/v2/languages", params={"type": kind})
        if answer.status != 200:
            raise self._explained(answer, "")
        rows = answer.data if isinstance(answer.data, list) else []
        found = frozenset(str(row["language"]) for row in rows if isinstance(row, dict) and "language" in row)
        if not found:
            raise self._wire.garbage()
        return found

    def _explained(self, answer: wire.Answer, target: str) -> NotTranslated:
        if answer.status == _QUOTA:
            return NotTranslated("What was paid for at DeepL is used up for this month.", Trouble.QUOTA)
        if answer.status == 400 and "_lang" in answer.error("message"):
            return self._wire.no_language(target)
        return self._wire.refused(answer.status)


def _written(text: Marked) -> str:
    return "".join(
        html.escape(piece, quote=False) if isinstance(piece, str) else f'<m id="{piece}"/>' for piece in text
    )
