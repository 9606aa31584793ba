"""Families as the office sees them: found by a name or a number, one whole, and what of their details needs work.

``known``     a family: its children, the grown-ups in the order in which they are asked, and who must not be contacted
``finding``   by the name of a child or grown-up, a number, an email address, or a form
``hearing``   everything that was sent to a family and heard from it, by every channel, in one row
``worklist``  details to sort out: nobody can be rung, stopped working, getting old, new ones
``mending``   what the office does about one: ask whether it is right, and put a slip of the pen right
"""
