"""What goes out, and when; and a day on which everything that was planned stays where it is.

* ``coming``   what is planned: announcements, reminders, and what Handbell sends by itself
* ``gone``     what has gone out on the days before
* ``moving``   what is going out at this moment
* ``holding``  everything that was to go today is held, and let go again
"""
