"""Two contacts on file who are one person: who they may be, what would become of everything, and the merge itself.

A person decides, and sees all of it first. ``rules`` says what holds where both have something, ``showing`` what would
become, ``joining`` does it, ``doubles`` lists who may be one. No import makes two of them again: the second id in the
school's records is an alias of the first (:class:`gateway.models.ContactAlias`), until somebody parts them.
"""
