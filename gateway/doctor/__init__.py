"""``handbell doctor``: is everything there that Handbell needs, and what is lost where something is not?"""

from gateway.doctor.examining import examine
from gateway.doctor.findings import Finding, State

__all__ = ["Finding", "State", "examine"]
