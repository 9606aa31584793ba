"""The settings themselves, section by section. The descriptions here are the documentation (see ``reference``).

Times end in ``_s`` (seconds), money is in pence, rates are per second. Where a default is a figure of the trade, it is
a proposal of ours and no fact: every provider's contract differs.
"""

from config.sections.absence import Absence
from config.sections.calendar import Calendar
from config.sections.desk import Answers, Desk
from config.sections.emergency import Emergency
from config.sections.events import Events
from config.sections.freshness import Freshness
from config.sections.good_news import GoodNews
from config.sections.languages import Languages, Translation
from config.sections.machine import Audit, Backup, Database, Log, Trust, Web
from config.sections.mail import MailIn, OAuth, Smtp
from config.sections.notify import Notify
from config.sections.phone_line import PhoneLine
from config.sections.preferences import Load, Quiet
from config.sections.retention import Retention
from config.sections.school import Costs, Practice, School
from config.sections.sending import Retries, Retry, Sending
from config.sections.staff import Staff
from config.sections.twilio import SharedKey, TextSender, Twilio, VoiceSender

__all__ = [
    "Absence",
    "Answers",
    "Audit",
    "Backup",
    "Calendar",
    "Costs",
    "Database",
    "Desk",
    "Emergency",
    "Events",
    "Freshness",
    "GoodNews",
    "Languages",
    "Load",
    "Log",
    "MailIn",
    "Notify",
    "OAuth",
    "PhoneLine",
    "Practice",
    "Quiet",
    "Retention",
    "Retries",
    "Retry",
    "School",
    "Sending",
    "SharedKey",
    "Smtp",
    "Staff",
    "TextSender",
    "Translation",
    "Trust",
    "Twilio",
    "VoiceSender",
    "Web",
]
