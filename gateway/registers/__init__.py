"""Registers: which codes there are, and the marks themselves.

``codes`` (with ``sets/*.toml``) says what a mark means on a day; a file, read by ``files`` with every mistake named by
line and cure. On which days there are registers, and when they close, ``gateway.calendars`` knows. ``marks`` puts marks
into the tables and tells what changed; ``reading`` reads them from CSV, ``folder`` from where the MIS drops them.
What a mark sets off is the business of ``gateway.absence``.
"""
