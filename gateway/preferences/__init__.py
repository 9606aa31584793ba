"""What families prefer, and how much they get: topics, wishes by medium, the weekly load, and what follows from them.

``topics`` what may be declined and how families call it; ``wishes`` what somebody has chosen; ``texting`` STOP MENUS by
text; ``load`` what a family got this week; ``arranging`` what all of that does to a run before it has words.
"""
