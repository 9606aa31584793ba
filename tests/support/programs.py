"""Programs that some tests need and a bare machine lacks; ``.ci/run`` installs them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

import pytest


def need(*names: str, path: str | None = None, besides: Sequence[str] = ()) -> None:
    """Skip, or fail where every test must run, unless the programs are there; ``besides`` is what else is missing."""
    missing = [*(name for name in names if shutil.which(name, path=path) is None), *besides]
    if not missing:
        return
    sentence = f"Not on this machine: {', '.join(missing)}. .ci/run installs what these tests need."
    if os.environ.get("CI") or os.environ.get("HANDBELL_ALL_TESTS"):
        pytest.fail(sentence)
    pytest.skip(sentence)


def find(name: str, *, path: str | None = None) -> str:
    """Where a program is that is needed."""
    found = shutil.which(name, path=path)
    assert found, name
    return found


def browser() -> str:
    """Debian's Chromium: the one without windows where it is there, which takes a quarter of the work of the other."""
    shell = shutil.which("chromium-headless-shell")
    if shell is None:
        need("chromium")
    return shell or find("chromium")
