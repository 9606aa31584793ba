"""Registers: which codes there are, on which days they are taken, and the marks themselves.

``codes`` (with ``sets/*.toml``) says what a mark means on a day, ``schooldays`` when the sessions are and when their
registers close; both are files, read by ``files`` with every mistake named by line and cure. ``marks`` puts marks into
the tables and tells what changed; ``reading`` reads them from CSV, ``folder`` from where the MIS drops them.
What a mark sets off is the business of ``gateway.absence``.
"""
