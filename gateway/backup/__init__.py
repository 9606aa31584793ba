"""Copies of the database: made while the daemon writes, proved, put back; and what a restored one may not do by itself.

``copies``     makes, lists, proves and throws away copies; a copy is a folder with a ``copy.json``
``engines``    how each of the two databases is written into a file, and read back
``restoring``  puts one into an empty place, closed: nothing leaves
``gap``        what is held then, what a person decides of it, and how the school is opened again
``looking``    asks the providers what left after the copy was made
"""
