"""Contact details kept fresh by evidence, and what is tried after silence.

1. ``evidence`` says of each phone and mailbox what is known, how old that is, and what it is worth by now.
2. One good-news message in so many carries a question (``gateway/fresh_question``); ``nagging`` asks those of whom
   nothing is heard at all. ``hearing`` takes the answers.
3. A new number by reply is ``proposals``' business until a code has proved it, and ``approving``'s from then on.
4. ``reports`` lists the families who can hardly be reached.
5. ``works`` remembers what works with whom; ``choosing`` says what is tried after silence, and ``again`` does it.
"""
