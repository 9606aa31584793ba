"""What no reader recognises and is no table either: a folder or a ZIP without an export, and what has no end."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path
from typing import Final

from gateway.errors import BadInput, Problem
from gateway.importing import bundles

#: A ZIP begins with its first file, or with its directory where it has none (APPNOTE 4.3.7 and 4.3.16).
MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06")
#: What spreadsheets have in the ZIP that they are, and no export has.
WORKBOOK: Final = frozenset({"[Content_Types].xml", "mimetype"})
SPREADSHEETS: Final = frozenset({".xlsx", ".xlsm", ".xlsb", ".ods"})
LOOKS_FOR: Final = (
    "Handbell looks for users.csv (OneRoster, School Data Sync) or student.csv and school.csv (older School Data Sync)"
)


def refuse(path: Path) -> None:
    """Raise :class:`BadInput` for a folder, a ZIP that is no workbook, and a pipe or device. Others are let through."""
    mode = _mode(path)
    if stat.S_ISDIR(mode):
        what = "In this folder there is no export that Handbell knows."
        raise _bad(path, what, f"{LOOKS_FOR}: name the files themselves, or the folder inside it.")
    if stat.S_ISREG(mode):
        _refuse_zip(path)
    elif mode:
        raise _bad(path, "This is not a file.", "Save the export as a file, and name that.")


def is_stream(path: Path) -> bool:
    """Whether it is a pipe or a device: reading one may wait for ever, and it can be read but once."""
    mode = _mode(path)
    return bool(mode) and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _mode(path: Path) -> int:
    """What sort of file it is; 0 for what is missing or hidden from us: who reads it says so."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def _refuse_zip(path: Path) -> None:
    zipped = path.suffix.lower() == ".zip"
    try:
        with path.open("rb") as raw:
            start = raw.read(4)
        if not (start in MAGIC or (zipped and not start)) or path.suffix.lower() in SPREADSHEETS:
            return
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except OSError:
        return  # who reads it as a table says why it cannot be opened
    except (ValueError, *bundles.BROKEN) as error:
        if zipped:
            raise bundles.damaged(bundles.called(path)) from error
        return  # a workbook that breaks off looks the same
    if WORKBOOK & {info.filename for info in infos}:
        return
    if not infos:
        raise _bad(path, "This ZIP file is empty.", bundles.ANEW)
    if bundles.is_vast(infos):
        raise _bad(path, bundles.VAST, bundles.ANEW)
    what = "In this ZIP file there is no export that Handbell knows."
    raise _bad(path, what, f"{LOOKS_FOR}: unpack it, and name the files themselves.")


def _bad(path: Path, what: str, cure: str) -> BadInput:
    return BadInput([Problem(what, cure, bundles.called(path))])
