"""Emergencies: whoever answers for the children is alarmed at once by all channels, and a list says who has read.

``alarm``      the alarm's definition, what it would come to, sending it
``choosing``   which children it can be about
``timing``     how long it takes by each channel
``passing``    what it goes past: quiet hours, wishes, limits
``alarmed``    whom an update and an all-clear are for: exactly those who were alarmed
``following``  updates and the all-clear
``roll_call``  child by child, whether somebody who answers for it has read, or was told by staff
``shown``      all of it in sentences, for the command line and the page
"""
