"""The commands of ``handbell``, one file for each group. ``gateway.cli`` puts them together.

A command reads its options, lets the core work, and prints. What is slow to import is imported inside the command, so
that ``handbell --help`` and ``handbell explain`` answer at once.
"""
