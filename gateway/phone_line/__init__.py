"""The phone line: what a parent who rings the school's number hears and can do.

1. ``dialogue`` is the conversation on paper: a state, a key, and what is known of the caller give what is said next.
   It touches no table, so that every key can be tried in a test. The state travels in the address that the provider
   calls next, which it signs: a webhook that comes twice gets the same answer, and does nothing twice.
2. ``callers`` says who rings: one contact with that number, and the children whom nobody bars them from. A number that
   is withheld, unknown or shared is nobody's, and hears no child's name.
3. ``answering`` does one turn of a call in one transaction: a report becomes a reply, as if it had been texted.
4. ``voicemail`` takes recordings over: a reply at once, then fetched, kept, and deleted at the provider, in that order;
   and plays them to staff.
"""
