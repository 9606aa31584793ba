"""Mail that a machine wrote or that went to many: nobody's answer, whatever it says.

Sources: RFC 3834 (automatic responses), RFC 8098 (receipts), RFC 2369 and 2919 (lists), RFC 5546 (calendars),
Microsoft's ``X-Auto-Response-Suppress`` and the headers that autoresponders add. Only headers and the subject's first
words count: a parent who writes "we are on holiday" is a person.

A subject alone hides nobody's words: people, too, write "Read: the letter". What programs write there counts beside a
second sign of a machine; the one exception are fixed titles that stand alone or before a colon ("Automatic reply:").
"""

from __future__ import annotations

import re
from email.message import Message
from functools import cache
from typing import Final

from channels import mail_parts
from channels.bounces import plain

OUT_OF_OFFICE, ACKNOWLEDGEMENT, RECEIPT, CALENDAR = "out_of_office", "auto_acknowledgement", "receipt", "calendar"
LIST, CHALLENGE, GENERATED, SYSTEM = "list", "challenge", "auto_generated", "mail_system"
_HINT: Final = "hint"  #: of a machine, but no more than that

#: How programs title absence notes. Not what people may write of themselves or a child: "absence", "on holiday". These
#: need no second sign, as many of the programs give none.
_AWAY: Final = (
    "automatic reply", "auto reply", "auto-reply", "autoreply", "auto response", "auto-response", "autoresponse",
    "automated reply", "automated response", "out of office", "out-of-office", "out of the office",
    "vacation reply", "réponse automatique", "reponse automatique", "absence du bureau", "automatische antwort",
    "abwesenheitsnotiz", "abwesenheitsnachricht", "respuesta automática", "respuesta automatica",
    "fuera de la oficina", "mensaje automático", "resposta automática", "resposta automatica", "fora do escritório",
    "risposta automatica", "fuori ufficio", "automatisch antwoord", "automatische beantwoording",
    "autosvar", "automatisk svar", "automatiskt svar", "automaattinen vastaus", "automatyczna odpowiedź",
    "odpowiedź automatyczna", "autoodpowiedź", "poza biurem", "răspuns automat", "raspuns automat",
    "în afara biroului", "automatinis atsakymas", "automatinis atsakas", "automātiska atbilde", "automātiskā atbilde",
    "automaatvastus", "automatická odpověď", "automatická odpoveď", "automatikus válasz", "házon kívül",
    "samodejni odgovor", "automatski odgovor", "аутоматски одговор", "автоматический ответ", "автоответ",
    "автовідповідь", "автоматична відповідь", "автоматичен отговор", "αυτόματη απάντηση", "otomatik yanıt",
    "otomatik cevap", "ofis dışında", "رد تلقائي", "الرد التلقائي", "رد آلي", "پاسخ خودکار", "خودکار جواب",
    "תשובה אוטומטית", "מענה אוטומטי", "स्वचालित उत्तर", "स्वतः उत्तर", "স্বয়ংক্রিয় উত্তর",
    "স্বয়ংক্রিয় জবাব", "ਆਟੋਮੈਟਿਕ ਜਵਾਬ", "સ્વચાલિત જવાબ", "தானியங்கி பதில்", "ตอบกลับอัตโนมัติ",
    "การตอบกลับอัตโนมัติ", "trả lời tự động", "thư trả lời tự động", "balasan otomatis", "jawab automatik",
    "jawaabta otomaatiga", "jawaab otomaatig", "ateb awtomatig", "përgjigje automatike", "自动回复", "自動回覆",
    "自動返信", "自動応答", "不在通知", "자동 회신", "자동 응답", "freagra uathoibríoch",
    "bersiva otomatîk",
)  # fmt: skip
#: How they title them, too; but so do people.
_PERHAPS_AWAY: Final = ("ooo:", "ooo re", "fuori sede", "부재중")
#: How subjects of acknowledgements by help desks and shops begin.
_THANKS: Final = (
    "we have received your message", "we have received your email", "we have received your request",
    "we have received your enquiry", "we've received your message", "we've received your request",
    "your message has been received", "your request has been received", "your enquiry has been received",
    "thank you for contacting", "thanks for contacting", "auto acknowledg", "automatic acknowledg",
    "acknowledgement of receipt", "ticket received", "ticket created", "request received", "case created", "[ticket",
    "[case", "accusé de réception", "eingangsbestätigung", "acuse de recibo", "potwierdzenie otrzymania",
)  # fmt: skip
#: Read and delivery receipts of programs that write no report.
_RECEIPTS: Final = (
    "read:", "read receipt", "not read:", "delivered:", "return receipt", "disposition notification",
    "message disposition", "lu :", "lu:", "non lu :", "gelesen:", "ungelesen gelöscht", "gelöscht:", "leído:",
    "lida:", "lido:", "letto:", "gelezen:", "läst:", "læst:", "lest:", "luettu:", "przeczytane:", "przeczytano:",
    "citit:", "přečteno:", "olvasott:", "прочитано:", "прочитане:", "okundu:", "开封:", "已读:", "已讀:", "開封済み:",
    "읽음:", "تمت القراءة:", "lesebestätigung", "accusé de lecture", "confirmation de lecture",
    "confirmación de lectura", "conferma di lettura",
)  # fmt: skip
_CHALLENGES: Final = (
    "please confirm your message", "confirm your email to", "verify your email to", "your message is awaiting",
    "sender verification", "message held for approval", "your email requires verification", "[boxbe]", "boxbe:",
    "awaiting moderator approval", "please verify your message", "mail delivery confirmation required",
)  # fmt: skip
_CALENDAR: Final = (
    "accepted:", "declined:", "tentative:", "tentatively accepted:", "canceled:", "cancelled:", "new time proposed:",
    "accepté :", "refusé :", "zugesagt:", "abgesagt:", "aceptada:", "aceptado:", "rechazada:", "accettato:",
    "geaccepteerd:", "zaakceptowano:",
)  # fmt: skip
#: Headers that only machines write, where their value is none of a person's.
_HEADERS: Final = (
    "x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply", "x-auto-reply-from", "x-autoreply-from",
    "x-autogenerated", "x-auto-generated", "x-mail-autoreply", "x-fc-machinegenerated", "x-vacation", "autoresponder",
    "x-cron-env", "x-jira-fingerprint", "x-otrs-loop", "x-rt-loop-prevention", "x-zendesk-from-account-id",
    "x-freshdesk-auto-response", "x-loop-autoreply", "x-out-of-office", "x-oof",
)  # fmt: skip
#: What may follow a fixed title: its end, or the subject that it answers. "Out of office on Friday" is a person's.
_AFTER_TITLE: Final = r"\s*(?:(?:auto-?reply|re|message|notification)\b)?\s*(?:$|[:：(\[])"
_BOXBE: Final = ("[boxbe]", "boxbe:")  #: a product's name, which nobody else begins a subject with
_NO_REPLY = re.compile(
    r"(?:no|do-?not|dont|never)[._-]?reply[^@]{0,40}@|(?<![\w.+-])(?:mailer-daemon|postmaster)@", re.IGNORECASE
)


def automatic(message: Message, *, envelope_from: str | None = None) -> str:
    """Give what sort of machine wrote this: one of the words above, ``""`` for a person.

    ``envelope_from`` is ``""`` for the null sender, which only machines use (RFC 3834 section 3.3), None for unknown.
    """
    kind = message.get_content_type()
    report = mail_parts.parameter(message, "report-type") if kind == "multipart/report" else ""
    if "disposition-notification" in report or _holds(message, "message/disposition-notification"):
        return RECEIPT
    if report:
        return SYSTEM
    if _calendar_answer(message):
        return CALENDAR
    titled, subject = "", _subject(message)
    if sign := _second_sign(message, null=envelope_from == "" or mail_parts.header(message, "return-path") == "<>"):
        titled = _by_subject(subject)
    return titled or _by_title(subject) or ("" if sign == _HINT else sign)


def _second_sign(message: Message, *, null: bool) -> str:
    """What says beside the subject that a machine wrote this: for itself, or as a hint."""
    submitted = _word(message, "auto-submitted")
    if submitted and submitted != "no":
        return GENERATED if submitted == "auto-generated" else ACKNOWLEDGEMENT
    if _is_machine_header(message) or _word(message, "precedence") in ("auto_reply", "auto-reply", "autoreply"):
        return ACKNOWLEDGEMENT
    if _is_list(message):
        return LIST
    if null:
        return SYSTEM if plain.is_titled(message) else ACKNOWLEDGEMENT
    sender = mail_parts.header(message, "from")
    if _NO_REPLY.search(sender) or (plain.is_daemon(message) and plain.is_titled(message)):
        return SYSTEM if plain.is_titled(message) else GENERATED
    # Exchange puts it on people's mail, too.
    return _HINT if _word(message, "x-auto-response-suppress") not in ("", "none") else ""


def _subject(message: Message) -> str:
    """The subject in lower case, without the mark that mail systems put before strangers' mail."""
    subject = mail_parts.header(message, "subject").lower()
    return re.sub(r"^\s*\[(?:external|extern|spam|ext)\]\s*", "", subject).lstrip("*·•( ")


def _by_title(subject: str) -> str:
    """What a fixed title says for itself."""
    if found := _starts(_AWAY).match(subject):
        return OUT_OF_OFFICE if re.match(_AFTER_TITLE, subject[found.end() :]) else ""
    return CHALLENGE if subject.startswith(_BOXBE) else ""


def _by_subject(subject: str) -> str:
    """What a subject says beside another sign."""
    away = _AWAY + _PERHAPS_AWAY
    rows = ((OUT_OF_OFFICE, away), (RECEIPT, _RECEIPTS), (CHALLENGE, _CHALLENGES), (ACKNOWLEDGEMENT, _THANKS))
    return next((kind for kind, row in rows if _starts(row).match(subject)), "")


@cache
def _starts(row: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("(?:" + "|".join(map(re.escape, sorted(row, key=len, reverse=True))) + ")")


def _word(message: Message, name: str) -> str:
    """The first word of a header, lower-case: parameters and comments may follow."""
    return re.split(r"[;,(\s]", mail_parts.header(message, name).lower().strip() + " ", maxsplit=1)[0]


def _is_machine_header(message: Message) -> bool:
    if any(name in message and _word(message, name) not in ("no", "false", "none", "") for name in _HEADERS):
        return True
    return _word(message, "delivered-to") == "autoresponder" or _word(message, "x-post-messageclass") == "9"


def _is_list(message: Message) -> bool:
    if _word(message, "precedence") in ("bulk", "list", "junk"):
        return True
    return any(name in message for name in ("list-id", "list-unsubscribe", "list-post", "list-help", "mailing-list"))


def _holds(message: Message, kind: str) -> bool:
    return any(part.get_content_type() == kind for part in mail_parts.parts(message))


def _calendar_answer(message: Message) -> bool:
    for part in mail_parts.parts(message):
        if part.get_content_type() == "text/calendar":
            method = mail_parts.parameter(part, "method")
            said = re.search(r"(?im)^METHOD:\s*(\w+)", mail_parts.text(part)[:5_000])
            if (method or (said[1].lower() if said else "")) in ("reply", "counter", "cancel", "declinecounter"):
                return True
    subject = mail_parts.header(message, "subject").lower()
    return subject.startswith(_CALENDAR) and "x-ms-exchange-calendar-originator-id" in message
