"""Whom we trust when we connect to a mail server."""

from __future__ import annotations

import ssl

from channels import base


def context(ca_file: str, *, setting: str) -> ssl.SSLContext:
    """The machine's authorities, and those of ``ca_file`` (PEM) where it is not ``""``. Takes some 30 ms: do it once.

    Raises :class:`base.Misconfigured`, naming the ``setting``, when the file cannot be read.
    """
    trusted = ssl.create_default_context()
    try:
        if ca_file:
            trusted.load_verify_locations(cafile=ca_file)
    except OSError:  # ssl.SSLError is one
        raise base.Misconfigured(
            f"The certificates in {ca_file} could not be read: check the setting {setting}."
        ) from None
    return trusted
