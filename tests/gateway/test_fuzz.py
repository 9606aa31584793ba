"""What outsiders hand us is read or refused with a sentence, however damaged it is.

More of it, with figures of time and memory: ``make fuzz`` (docs/reliability.md).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from support import fuzzing


@pytest.mark.parametrize("name", fuzzing.TARGETS)
def test_whatever_it_is(name: str, tmp_path: Path) -> None:
    target = fuzzing.TARGETS[name]

    @settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
    @given(target.made)
    def feed(sent: bytes) -> None:
        target.feed(sent, tmp_path)

    feed()
