"""LibreTranslate, and whatever else speaks its API: a server that a school may run in its own house.

Its models squeeze and translate every token that one could think of, so marks go as HTML: what stands in an element
with ``translate="no"`` is put back by the server itself (translate-html), in the worst case between two halves that
were translated apart.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence

from channels.translators import base, wire
from channels.translators.base import Marked, NotTranslated, Trouble

_MARK = re.compile(r"""<span\b[^>]*\bid=["']?m(\d+)["']?[^>]*>.*?</span\s*>""", re.DOTALL | re.IGNORECASE)
#: The public server takes 2000 characters at a time, and others a limited number of texts.
_MOST, _MOST_CHARACTERS = 20, 2000


class LibreTranslate:
    """A LibreTranslate server. ``key`` is ``""`` where it asks for none."""

    name = "LibreTranslate"

    def __init__(self, address: str, *, key: str, seconds: float) -> None:
        self._wire = wire.Wire(self.name, address.rstrip("/"), seconds)
        self._key = key
        self._offered: Mapping[str, frozenset[str]] | None = None

    async def reach(self, tags: Iterable[str]) -> frozenset[str]:
        """Those of our language tags that it translates from English, and back."""
        offered = await self._languages()
        english = base.code("en", offered)
        if english is None:
            return frozenset()
        found = {tag: base.code(tag, offered[english]) for tag in tags}
        return frozenset(tag for tag, code in found.items() if code and english in offered.get(code, ()))

    async def translate(
        self, texts: Sequence[Marked], *, source: str, target: str, context: str = ""
    ) -> Sequence[Marked]:
        """Translate texts; what stands around them is nothing that it reads."""
        pair = await self._pair(source, target)
        found = list[Marked]()
        for batch in base.batches(texts, most=_MOST, most_characters=_MOST_CHARACTERS):
            found += await self._ask(batch, *pair)
        return found

    async def _ask(self, batch: Sequence[Marked], source: str, target: str) -> list[Marked]:
        body = {"q": [_written(text) for text in batch], "source": source, "target": target, "format": "html"}
        answer = await self._wire.ask("POST", "/translate", body=body | ({"api_key": self._key} if self._key else {}))
        if answer.status != 200:
            raise self._explained(answer, target)
        found = answer.data.get("translatedText") if isinstance(answer.data, dict) else None
        if not isinstance(found, list) or len(found) != len(batch) or not all(isinstance(one, str) for one in found):
            raise self._wire.garbage()
        return [base.read(one, _MARK) for one in found]

    async def _pair(self, source: str, target: str) -> tuple[str, str]:
        """Its own spellings of two languages. Raises :class:`NotTranslated` before any word has left the house."""
        offered = await self._languages()
        from_code = base.code(source, offered) if source else "auto"
        targets = offered.get(from_code or "", frozenset(offered))
        to_code = base.code(target, targets)
        if from_code is None or to_code is None:
            raise self._wire.no_language(target if to_code is None else source)
        return from_code, to_code

    async def _languages(self) -> Mapping[str, frozenset[str]]:
        """Its languages, each with those that it is translated into; all of them where an old server does not say."""
        if self._offered is None:
            answer = await self._wire.ask("GET", "/languages")
            rows = answer.data if isinstance(answer.data, list) else []
            codes = [row["code"] for row in rows if isinstance(row, dict) and isinstance(row.get("code"), str)]
            if answer.status != 200 or not codes or len(codes) != len(rows):
                raise self._wire.garbage()
            targets = [row.get("targets") for row in rows]
            self._offered = {
                code: frozenset(map(str, into if isinstance(into, list) else codes))
                for code, into in zip(codes, targets, strict=True)
            }
        return self._offered

    def _explained(self, answer: wire.Answer, target: str) -> NotTranslated:
        """Its refusals are all 400, with a sentence in them."""
        said = answer.error("error").casefold()
        if "api key" in said:
            return NotTranslated("LibreTranslate wants a key. Set translation.key.", Trouble.AUTH)
        if "exceeds" in said and "limit" in said:
            return self._wire.too_long()
        if "not supported" in said or "not available" in said:
            return self._wire.no_language(target)
        return self._wire.refused(answer.status)


def _written(text: Marked) -> str:
    return "".join(
        html.escape(piece, quote=False)
        if isinstance(piece, str)
        else f'<span translate="no" id="m{piece}">X{piece}</span>'
        for piece in text
    )
