"""What the pages are dressed in: style, scripts, icons and fonts, from our own files and nowhere else.

Each is served under a name that carries its hash, so that a browser keeps it and still has a new one at once.
The plain ones are compressed once, when the site is made; fonts are compressed already, and pages are not: a page holds
secrets beside what somebody else may have written (BREACH).
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.web import entries

FOLDER: Final = "static"
_COMPRESSED: Final = frozenset({".css", ".js", ".svg"})
_SERVED: Final = _COMPRESSED | {".woff2"}
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_URL: Final = re.compile(r"url\(([\w./-]+)\)")


@dataclass(frozen=True, slots=True)
class File:
    """One file: its bytes as they are, and compressed where that is worth anything."""

    media_type: str
    plain: bytes
    packed: bytes = b""


@dataclass(frozen=True, slots=True)
class Assets:
    """All of them by the name they are served under, and that name by the one they have here."""

    files: Mapping[str, File]
    names: Mapping[str, str] = field(default_factory=dict[str, str])

    def url(self, name: str) -> str:
        """The address of a file, such as ``handbell.css``.

        Raises :class:`KeyError` for one that there is not: a page that names it is wrong.
        """
        return f"/{FOLDER}/{self.names[name]}"

    def route(self) -> BaseRoute:
        """``/static/{name}``: for anybody, as nothing in it is about anybody."""
        return entries.entry(f"/{FOLDER}/{{name}}", self.give, by=entries.By.ANYBODY)

    async def give(self, request: Request) -> Response:
        """One file, compressed for a browser that takes that."""
        found = self.files.get(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        packed = bool(found.packed) and "gzip" in request.headers.get("accept-encoding", "")
        headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
        if packed:
            headers["Content-Encoding"] = "gzip"
        return Response(found.packed if packed else found.plain, media_type=found.media_type, headers=headers)


def load() -> Assets:
    """Read every file once; the style sheet last, as it names fonts by their addresses."""
    files: dict[str, File] = {}
    names: dict[str, str] = {}
    for path, source in sorted(_walk(resources.files("gateway.web.office") / FOLDER), key=_style_last):
        content = source.read_bytes()
        if path.endswith(".css"):
            content = _URL.sub(lambda found: f"url({names[found[1]]})", content.decode("utf-8")).encode("utf-8")
        digest = hashlib.sha256(content).hexdigest()[:12]
        stem, _, suffix = path.rpartition("/")[2].rpartition(".")
        names[path] = f"{stem}.{digest}.{suffix}"
        packed = gzip.compress(content, 9, mtime=0) if f".{suffix}" in _COMPRESSED else b""
        files[names[path]] = File(mimetypes.guess_type(f"x.{suffix}")[0] or "font/woff2", content, packed)
    return Assets(files, names)


def _style_last(one: tuple[str, Traversable]) -> tuple[bool, str]:
    return one[0].endswith(".css"), one[0]


def _walk(folder: Traversable, before: str = "") -> Iterator[tuple[str, Traversable]]:
    for one in folder.iterdir():
        if one.is_dir():
            yield from _walk(one, f"{before}{one.name}/")
        elif any(one.name.endswith(suffix) for suffix in _SERVED):
            yield f"{before}{one.name}", one
