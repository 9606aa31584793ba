"""From a page of HTML to a PDF, by WeasyPrint: Pango shapes and orders the letters of every script.

Its system libraries and the fonts come from the distribution (docs/letters.md), so that a gateway that prints nothing
needs neither.
"""

from __future__ import annotations

import logging
import threading
import unicodedata
from typing import cast

from gateway import errors

_INSTALL = "apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-core fonts-noto-cjk"


def make(page: str) -> bytes:
    """The PDF of a page. It fetches nothing.

    Raises :class:`errors.NotReady` where Pango is missing, or a font for a script that is in it: a letter with boxes in
    place of words reaches nobody.
    """
    try:
        import weasyprint
        from weasyprint.urls import URLFetcher
    except OSError as error:
        raise errors.NotReady(f"Pango is missing, which sets letters: {_INSTALL}") from error
    missing = _Missing()
    logger = logging.getLogger("weasyprint")
    logger.addHandler(missing)
    try:
        made = cast(bytes, weasyprint.HTML(string=page, url_fetcher=URLFetcher(allowed_protocols=())).write_pdf())
    finally:
        logger.removeHandler(missing)
    if missing.scripts:
        raise errors.NotReady(f"There is no font for {', '.join(sorted(missing.scripts))}: {_INSTALL}")
    return made


class _Missing(logging.Handler):
    """Hears of characters that no font has, and keeps the scripts that they belong to."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.scripts = set[str]()
        self._thread = threading.get_ident()  # another's letters may be set at the same time

    def emit(self, record: logging.LogRecord) -> None:
        """Note one."""
        if (
            record.thread == self._thread
            and ".notdef" in str(record.msg)
            and isinstance(record.args, tuple)
            and record.args
        ):
            name = unicodedata.name(str(record.args[0])[:1], "")
            self.scripts.add(name.split()[0].capitalize() if name else "a script")
