"""Values that open something, of which only a fingerprint is kept."""

from __future__ import annotations

import hashlib
import secrets


def fresh() -> str:
    """256 random bits, safe in a cookie and in an address."""
    return secrets.token_urlsafe(32)


def digest(value: str) -> str:
    """What is kept of it: so many random bits need no salt and no slow hash."""
    return hashlib.sha256(value.encode()).hexdigest()
