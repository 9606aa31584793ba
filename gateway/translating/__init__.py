"""Free texts in other languages: drafted by a service, reviewed by a person; and what families' answers say in English.

* ``glossary``    the school's own terms, and how each language puts them
* ``protecting``  what no service may see or change: placeholders, names, numbers to ring, links, times, terms
* ``naming``      whose names stand in a text
* ``sentences``   a text cut into sentences, put together again from their translations, and what is asked of those
* ``memory``      sentences that were translated before, by a machine or reviewed by a person
* ``asking``      one question to the service, counted
* ``drafting``    a definition's English in other languages
* ``reviewing``   a person stands for a version, and its sentences are remembered
* ``versions``    drafts and reviews written into a definition, or into its file
* ``gists``       the answers of families, in English for staff
"""
