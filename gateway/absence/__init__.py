"""Absence: every child accounted for.

A mark that asks opens a **case** for a pupil and a session, and a case ends in the state of the child: seen in school,
explained by somebody, made sure of by somebody, or handed over to a named person. It never ends in "sent".

1. ``registers`` takes marks in, from every door, and says what each of them means for a case.
2. ``sweep`` opens cases, some minutes after the register has closed, and chases registers that were not taken.
3. ``asking`` climbs the ladder (``ladder``, a file): one rung of all cases that are due is one run, so brothers and
   sisters are asked about in one text. The way out is that of every notice: ``sorting``, ``planner``, the outbox.
   ``paths`` is the way round a STOP; ``chasing`` asks teachers for registers that were not taken.
4. ``hearing`` reads the replies (``talks``: of whom they may speak); what one *means* comes through one function
   (``meaning``; ``listening`` has the one that reads words); ``effects`` does it. What ``strangers``
   write is for a person.
5. ``cases`` is the only place that changes a case, along the arrows of ``states``, with a step of its chronology and an
   audit line each time. ``telling`` tells those who were asked that all is well.
6. ``rounds`` does whatever is due, one session in one transaction. ``reminding`` looks after reasons that are still
   missing on later days. ``deeds`` is what people do with a case, ``views`` and ``export`` what they read.
"""
