from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The shared test material; tests that need it are skipped where it is not at hand."""
    folder = Path(os.environ.get("HANDBELL_CORPORA") or Path(__file__).resolve().parents[2] / "../shared/corpora")
    if not folder.is_dir():
        pytest.skip("The shared corpora are not here; set HANDBELL_CORPORA to their folder to run this test.")
    return folder


@pytest.fixture
def given() -> dict[str, object]:
    """What the gateway fills in for every message."""
    return {
        "school": "Oakfield",
        "school_phone": "020 7946 0123",
        "children": ["Ana Kowalska"],
        "recipient": "Mrs Kowalska",
    }


@pytest.fixture
def own() -> dict[str, object]:
    """A good value for every value that any notice declares."""
    return {
        "date": "2025-11-03",
        "time": "17:30",
        "by": "2025-11-03 15:30",
        "reason": "burst water pipe",
        "details": "Please keep your child at home.",
        "what_happened": "There is a smell of gas in the hall.",
        "what_to_do": "Please stay away from the school.",
        "what_now": "Lessons go on as usual.",
        "event": "Parents' evening",
        "place": "Main hall",
        "news": "Ana swam 25 metres.",
        "staff": "Ms Okafor",
        "who": "the school office",
        "words": "Bring a packed lunch.",
        "since": "2025-09-01",
        "language": "Polski",
        "you_said": "Many of you find the gate too crowded.",
        "we_did": "We now open a second gate at 3pm.",
    }
