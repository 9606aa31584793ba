"""Ties everything together. Only the files of this folder name a provider.

What only the daemon needs is imported where it starts: every command pays for what stands at the top.
"""

from gateway.wiring.alone import nobody_runs
from gateway.wiring.building import audit_key, build, seal, set_up, write_senders
from gateway.wiring.mail import explain_bounce, explain_email, new_words
from gateway.wiring.practising import practise
from gateway.wiring.running import COLLECTED, make_daemon, run, serve
from gateway.wiring.schools import add_school, keep_out, let_in, retire_school

__all__ = [
    "COLLECTED",
    "add_school",
    "audit_key",
    "build",
    "explain_bounce",
    "explain_email",
    "keep_out",
    "let_in",
    "make_daemon",
    "new_words",
    "nobody_runs",
    "practise",
    "retire_school",
    "run",
    "seal",
    "serve",
    "set_up",
    "write_senders",
]
