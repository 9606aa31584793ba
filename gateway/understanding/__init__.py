"""What a family's answer means: text in, meaning out.

It knows no database and no clock: what it needs to know comes in as arguments, and the same function serves the daemon
and ``handbell explain reply``. Its knowledge is in ``words/*.toml``, a file for each language, which a school can
extend (``docs/replies.md``). It suggests; a person confirms.

``reading.understand`` is the way in:

* ``folding``    one spelling for every letter, words and sentence ends out of a text
* ``patterns``   the small grammar of the lists
* ``finding``    its patterns in the words of a text
* ``language``   a language's file, read and checked
* ``library``    all of them: ours, and a school's own
* ``spelling``   the known word that an unknown one was meant to be, by its letters or its sound
* ``evidence``   what speaks for what in a text: finds, and what takes them away (negation, longer finds)
* ``judging``    from evidence to one intent, urgency, code, confidence
* ``menu``       digits alone
* ``days``       until when
* ``children``   which of the family's children
"""
