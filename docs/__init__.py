"""The documentation, and ``docs.make``, which writes the pages that are made from the code. Not part of the wheel."""
