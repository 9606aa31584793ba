"""Whether words are a complaint, by a list of what families write: it has a promise of its own."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

from gateway import toml
from gateway.understanding import folding


def is_one(words: str) -> bool:
    """Whether somebody complains. A list knows no more than it says: staff may say otherwise of any conversation."""
    said = _folded(words)
    return any(begun in said for begun in _lists())


@lru_cache(maxsize=1)
def _lists() -> tuple[str, ...]:
    _, content = toml.read(resources.files("gateway.desk") / "complaints.toml", shown="complaints.toml")
    return tuple(_folded(words) for lines in content["words"].values() for words in lines)


def _folded(words: str) -> str:
    """The words as lists know them, each after a space, so that one can be looked for by its beginning."""
    return "".join(f" {token.word}" for token in folding.tokens(folding.fold(words)) if not token.is_break)
