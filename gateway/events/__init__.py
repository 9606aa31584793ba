"""The life of an event: invitation, answer, reminder, change or cancelling, thanks or «sorry that we missed you».

``guests``         the households that are invited, and who belongs to each
``slots``          the times at which they may come, and their places: never one too many
``offers``         which times a household is shown, and what each digit means
``tellings``       what is said to whom at which point of an event's life
``planning``       from there to messages, portion by portion, as for any notice (``papers``: what it reads for that)
``answering``      what follows from an answer, whoever took it down
``hearing``        families' replies, read for what they say of coming (``understanding``, ``words.toml``)
``waiting``        the waiting list: who is next, and how long a place is kept
``changes``        another time or place, cancelling, and who was there
``links``          pages behind the links in emails; ``feed`` the calendars of the forms
``views``          what the office sees
"""
