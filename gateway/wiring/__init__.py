"""Ties everything together. Only the files of this folder name a provider.

What only the daemon needs is imported where it starts: every command pays for what stands at the top.
"""

from gateway.wiring.building import build, set_up
from gateway.wiring.mail import explain_bounce, explain_email, new_words
from gateway.wiring.practising import practise
from gateway.wiring.running import COLLECTED, make_daemon, run, serve

__all__ = [
    "COLLECTED",
    "build",
    "explain_bounce",
    "explain_email",
    "make_daemon",
    "new_words",
    "practise",
    "run",
    "serve",
    "set_up",
]
