"""Surveys: one question a text, each after the answer to the one before; what was said; and what the school made of it.

``asking``    a survey is made, and its first question put
``going_on``  the next question is put to whoever has answered, and who has answered nothing is reminded once
``results``   what was answered, by form and language; of an anonymous survey no group so small that it tells whose
``closing``   a survey ends with what the school has done, told to those who answered, or with a reason

Answers are taken by ``gateway/survey_answers.py``, as they come in.
"""
