"""What the school can tell of itself: figures, counted from the rows of a stretch of days.

``figures`` are the shapes: tables of texts and numbers, and ``rows`` what a message counts as. ``reach``, ``answers``,
``updates``, ``good_news``, ``absences`` and ``cost`` count; ``page`` and ``sheets`` write what was counted; ``pack``
puts all of it together for an inspector. No report names a person, or counts so few together that one could be found.
"""
