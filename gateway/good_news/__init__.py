"""Good news: a teacher's praise, gathered for each family until a kind hour, and the balance of good and bad.

* ``kinds``      what may be praised, and by which wording
* ``pupils``     the pupil that a teacher means by a name
* ``checks``     what does not belong into a teacher's own words
* ``praising``   praise in, and taken back before it leaves
* ``hours``      when it leaves
* ``words``      all of a family's praise as one message, in each language
* ``versions``   the teacher's words in other languages, by the service, where drafts may go out
* ``day``        who hears on a day, and by which phone or mailbox
* ``telling``    the day's praise, one message for each family
* ``worries``    which notices are worries, and what is remarked beside one
* ``balance``    good and bad by pupil, form, teacher and group
* ``nudging``    the weekly mail to each form's teacher
* ``listening``  praise by text and mail, from those on the teachers' list
"""
