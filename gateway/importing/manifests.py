"""What a OneRoster bundle says of itself: its version, and which of its files are whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

from gateway.importing import bundles, parts
from gateway.importing.bundles import Bundle
from gateway.importing.report import Remarks

VERSIONS = ("1.1", "1.2")
PROPERTIES = 1000  #: lines that are read
BULK, DELTA, ABSENT, UNSAID = "bulk", "delta", "absent", ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle says of itself. ``modes`` by the name of the file, without ``.csv``."""

    given: bool = False
    version: str = ""
    modes: Mapping[str, str] = field(default_factory=dict)

    def mode(self, name: str) -> str:
        """Whether a file is whole (bulk), lists changes (delta), or is not there; ``""`` when nobody says."""
        return self.modes.get(name, UNSAID)


def look(bundle: Bundle, remarks: Remarks) -> Manifest:
    """Read the manifest and report what does not fit it; without one, nothing is said."""
    part = parts.maybe(bundle, "manifest.csv", needed=("propertyName", "value"), remarks=remarks)
    if part is None:
        return Manifest()
    said = islice(part.rows("propertyName", "value"), PROPERTIES)
    found = {name: (line, value.lower()) for line, _, (name, value) in said}
    line, version = found.get("oneroster.version", (0, ""))
    if not version.startswith(VERSIONS):
        what = f"OneRoster “{version}” is not known here. It was read as {' and '.join(VERSIONS)} are."
        part.warn(line, what, "Export OneRoster 1.1 or 1.2.")
    modes = {name.removeprefix("file."): at for name, at in found.items() if name.startswith("file.")}
    for name, (line, mode) in modes.items():
        there = bundle.member(f"{name}.csv")
        if mode not in (BULK, DELTA, ABSENT):
            part.tell(line, f"A file is bulk, delta or absent, not “{mode}”.")
        elif mode != ABSENT and not there:
            part.tell(line, f"The manifest lists {name}.csv, but this file is missing.", bundles.ANEW)
        elif mode == ABSENT and there:
            part.warn(line, f"Nothing was taken from {name}.csv: the manifest says that it is absent.", bundles.ANEW)
    return Manifest(True, version, {name: mode for name, (_, mode) in modes.items() if mode in (BULK, DELTA, ABSENT)})
