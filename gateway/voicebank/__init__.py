"""The voice bank: phrases that somebody of the school has recorded, for languages that no machine voice speaks.

1. ``templates/aloud`` cuts what a call says into pieces; a piece is known by its words.
2. ``bank`` keeps the recordings, and puts the pieces of one call together: all of them, or the call is not in this
   language (``gateway/wording``).
3. ``sounds`` looks at a file before it is kept.
4. ``coverage`` says what is to be recorded, what is there, and how many families it would serve.

The web page ``/media/voice/…`` plays a recording to the provider, by an address that is signed and ends.
"""
