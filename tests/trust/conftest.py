"""One trust of three schools for all tests here: to copy that many tables takes seconds. Each test uses other rows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support import trust
from support.databases import Postgres


@pytest.fixture(scope="session")
def three(postgres: Postgres) -> Iterator[trust.Trust]:
    with trust.running(postgres) as made:
        yield made
