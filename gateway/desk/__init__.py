"""The desk: families' words that wait for a person, and what the school has promised about them.

``promise``        by when, in office hours of school days
``arriving``       what a reply that has come in means for the desk: nothing, a promise, an acknowledgement
``complaints``     which words are a complaint
``acknowledging``  the words that say who will answer, and by when
``answering``      what a person answers, through the outbox
``deeds``          what else staff do: take, note, merge, close
``canned``         answers that are ready
``thread``         a conversation as it is shown, both ways
``overdue``        what nobody has answered in time

What may happen to a conversation stands in ``gateway/conversations.py``.
"""
