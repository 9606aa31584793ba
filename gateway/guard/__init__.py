"""The wall below every feature: what may not leave, asked again when a message is claimed."""

from gateway.guard.emergencies import followed
from gateway.guard.reasons import (
    AGAIN,
    ALARMED,
    BESIDE,
    MOST_PARTS,
    NEWER,
    NOT_ANSWERED,
    NOT_OVERTAKEN,
    NOT_REACHED,
    REASONS,
    TOGETHER,
    UNACCOUNTED,
    Stop,
    kept,
)
from gateway.guard.wall import stopped, taken_back, too_early

__all__ = [
    "AGAIN",
    "ALARMED",
    "BESIDE",
    "MOST_PARTS",
    "NEWER",
    "NOT_ANSWERED",
    "NOT_OVERTAKEN",
    "NOT_REACHED",
    "REASONS",
    "TOGETHER",
    "UNACCOUNTED",
    "Stop",
    "followed",
    "kept",
    "stopped",
    "taken_back",
    "too_early",
]
