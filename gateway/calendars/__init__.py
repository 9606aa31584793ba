"""When school is: one calendar for all of Handbell, from a file, the API, an .ics feed, and a snowy morning."""
