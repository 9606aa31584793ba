"""Letters: for families whom nothing else reaches. On paper, recorded when posted.

* ``needing``   who got nothing of a notice because no phone or mailbox of theirs may be used
* ``writing``   the words of such a letter, in the family's language
* ``printing``  one PDF for a batch, its rows, and that it was posted
* ``pdf``       from a page of HTML to a PDF
"""
