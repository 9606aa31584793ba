"""Who of the school may sign in, and how they prove it; the pages and the command line both use it.

``staff`` people and their roles, ``passwords``, ``codes`` of a phone, ``sessions``, ``links`` that work once,
``delays`` after failures.
"""
