"""What every format is read into: tables whose columns are our fields, so that one importer takes them all over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from gateway.importing.headings import Layout
from gateway.importing.report import Remarks


class Source(Protocol):
    """One list out of a file or a bundle: rows of text cells, and which of our fields each column is.

    ``name``    what reports call it: the file's name, inside a bundle ``bundle.zip/users.csv``
    ``size``    bytes in all, ``sha256`` of the file that it stands in
    ``layout``  a field without a column says nothing: what is known of it stays
    ``format``  what its format is called, such as ``oneroster``
    ``whole``   False when the format lists changes only: what it does not mention is not gone
    ``remarks`` what the reader has to say beside its rows; complete once they are read
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - see above

    @property
    def size(self) -> int: ...  # noqa: D102

    @property
    def sha256(self) -> str: ...  # noqa: D102

    @property
    def format(self) -> str: ...  # noqa: D102

    @property
    def layout(self) -> Layout: ...  # noqa: D102

    @property
    def whole(self) -> bool: ...  # noqa: D102

    @property
    def remarks(self) -> Remarks: ...  # noqa: D102

    def rows(self) -> Iterator[tuple[int, list[str], int]]:
        """Give each row: the line it starts on, its cells, and the bytes read so far. Raises ``BadInput``."""
        ...
