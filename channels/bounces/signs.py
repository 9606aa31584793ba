"""How bounces in prose look: who sends them, their titles, where the returned message begins, whom they name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from channels import mail_parts


def _any_of(pieces: Sequence[str]) -> str:
    return "(?:" + "|".join(pieces) + ")"


def _compiled(pieces: Sequence[str]) -> re.Pattern[str]:
    return re.compile(_any_of(pieces), re.IGNORECASE)


#: A daemon's names, in the local part or the name of From.
DAEMON = _compiled((
    r"mailer-?\s?daemon", "post[_-]?master", "mail[ ._-]?deliver", "delivery[ ._-]?(?:sub)?system",
    r"deliver\s?system",
    "mdaemon", "mail[ ._-]?(?:sub)?system", "mail[ ._-]?router", "mail[ ._-]?admin", "system[ ._-]?administrator",
    "interscan", "bounces?(?:[ ._+-]|@|$)", "e-?mail[ ._-]?(?:delivery|daemon)", "smtp[ ._-]?(?:gateway|daemon)",
    r"\bdsn\b", "nondelivery", "microsoft outlook", "mail server",
))  # fmt: skip
#: What subjects of bounces say, in many languages.
SUBJECT = _compiled((
    "undeliver", "un-?deliverable", "non[- ]?(?:remis|deliver)", "returned mail", "return(?:ed)? to sender",
    "failure notice", "deliver[a-z]* (?:status|fail|notif|problem|error|report|delay|has|unsuc|incomplete)",
    "fail(?:ed|ure)?[a-z]* (?:to )?deliver", "mail (?:deliver|system|fail|error|could|not|return|status)",
    "message (?:status|could|not|undeliver|deliver|delay|return)", "could ?n[o']t (?:be )?(?:deliver|send)",
    "could not send", "postmaster notify", "see transcript",
    "(?:e-?mail|message|mail) (?:delivery|bounce|not deliver)", "nondeliver", "delay", "bounce",
    "warning: ", "user unknown", "not delivered", "rejected", "error sending", "(?:problem|trouble) (?:deliver|send)",
    "verzögert", "retard[eé]", "retrasad", "задерж", "затрим", "opóźni",
    "unzustellbar", "nicht zugestellt", "zustellung", "mailzustell", "échec", "remise", "non distribu",
    "no (?:se )?(?:pudo|puede|ha podido) (?:se )?entreg", "no entregad", "error de entrega", "devuelt",
    "mancata consegna", "impossibile recapitare", "non recapitat", "não (?:foi )?entreg", "falha (?:na|de) entrega",
    "devolvid", "onbestelbaar", "niet (?:af)?geleverd", "kan inte lever", "ej levererad", "kunne ikke lever",
    "ikke leveret", "niedostarcz", "nie dostarczon", "zwrot", "nedoručiteľn", "nedoruč", "kézbesíthetetlen", "nelivr",
    "nepristatyt", "nepieg[aā]d", "nevar pieg[aā]d", r"kohale\s?toimeta", "k[aä]ttetoimetamat", "neisporu[cč]",
    "nedostav",
    "недоставен", "не може да бъде достав", "недостављ", "αδύνατη η παράδοση", "παράδοση", "pa dorëzua",
    "levererbar", "levereras", "leveres", "uleverbar", "toimittaa", "toimittamat", "toimitus",
    "nie można dostarczyć", "nie uda[lł]o", "b[lł][aą]d dostarcz", "nelze doru[cč]it", "niet (?:worden )?bezorg",
    "non possibile recap", "não é possível entreg", "no es pot lliurar", "não entregue", "не вдалося достав",
    "не вдається достав", "не удается достав", "неможливо достав", "недоставк", "無法傳", "无法送达",
    "无法投递", "無法送達",
    "배달", "전송.{0,4}실패", "لا يمكن تسليم", "لم يتم تسليم", "غير قابل للتسليم", "לא ניתן ל", "ไม่สามารถ(?:จัด)?ส่ง",
    "không (?:thể )?gửi", "không gửi được", r"tidak (?:dapat |ter)\s?(?:di)?kirim", "gagal (?:kirim|terkirim)",
    "پہنچایا نہیں",
    "message you sent", "imposibil de livrat", "teslim edilem", "iletilem", "не доставлен", "недоставл",
    "не может быть доставлен",
    "не удалось доставить", "недоставка", "配信", "配送", "送信エラー", "エラー", "返送", "不達", "退信", "投递失败",
    "系统退信", "無法投遞", "傳送失敗", "반송", "전송 실패", "تعذر", "فشل", "לא נמסר",
))  # fmt: skip
#: What reports say where their titles say nothing.
REPORTING = _compiled((
    r"(?<![\d.])[45]\d\d[ -]#?[45]\.\d\.\d",
    r"(?<![\d.])55\d[ -][^\n]{0,80}(?:user|mailbox|recipient|address|account)",
    "(?:could|can) ?not be delivered", "undeliverable", "(?:was not|not been) delivered", "unable to deliver",
    "delivery (?:has )?failed",
    "did not reach", "failed recipient",
))  # fmt: skip
#: A subject that somebody answers or forwards.
ANSWERED = re.compile(r"(?:re|aw|fwd?|wg|sv|tr|rv|odp|rif|antw|vs)\s*:", re.IGNORECASE)
#: A line after which the message stands that came back.
RETURNED = re.compile(
    r"^[\s>*=#_-]{0,60}"
    + _any_of((
        (r"(?:(?:begin|start) of |below (?:this line )?is |here is |this is |included is )?(?:a |the |your )?"
        r"(?:copy of )?(?:the |your )?(?:headers? of the |body of )?"
        r"(?:original|returned|unsent|rejected|undelivered|old) (?:message|mail|e-mail|header|text)s?"),
        (r"(?:(?:this|below|below this line|included|the following) is )?(?:a )?copy of (?:the|your) (?:original )?"
        r"(?:message|mail|headers)"),
        "message (?:headers?|text|body|contents?) follow", "the header of the original", "original mail info",
        "headers? follow", "ursprüngliche nachricht", "message follows", "original-nachricht", "message d'origine",
        "mensaje original", "原始邮件", "元のメッセージ", "исходное письмо",
    ))
    + "[^@<>]{0,80}$",
    re.IGNORECASE,
)  # fmt: skip
#: Headers with which a message that was on its way begins, and others.
TRACE = re.compile(
    "(?:received|return-path|dkim-signature|domainkey-signature|x-received|arc-seal|delivered-to):", re.IGNORECASE
)
HEADER = re.compile(
    r"(?:from|to|cc|subject|date|message-id|mime-version|content-type|reply-to|x-[\w-]{1,40}|sender):", re.IGNORECASE
)
_A = mail_parts.ADDRESS.pattern
_ANNOUNCED = _any_of((
    "recipients?", "user", "address", "mailbox", "account", "delivered to", "deliver(?:ed|y)? (?:to|for)",
    "addressed to", "message to", "mail to", "your (?:message|e-?mail) to", "undeliver(?:able|ed) to", "sent to",
    "empfänger", "destinataire", "destinat[aá]rio", "destinatar(?:ul)?", "получател[а-я]{0,3}", "адресат[а-я]{0,3}",
    "odbiorc[a-y]{1,2}", "adresat[a-z]{0,2}", "alıcı", "címzett", "příjemce", "ontvanger", "mottagare", "modtager",
    "παραλήπτης", "المستلم", "נמען", "收件人", "收信人", "宛先", "받는 사람", "수신자", "error-for", "to",
))  # fmt: skip
#: Lines that name the recipient, surest first; the first ``PLAIN`` are about a line of its own.
NAMING = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"^[\s>*•·=-]{{0,20}}[\"'<(\[]{{0,3}}({_A})[\"'>)\]]{{0,3}}\s*[:;,.]?\s*(?:<\1>)?\s*$",
        rf"^[\s>*•·-]{{0,20}}(?:{_A}\s+)?<({_A})>\s*[:;.]?(?:\s|$)",
        rf"^[\s>*•·\"'-]{{0,20}}({_A})[\"']?\s*(?:\.\.\.|:|\[|\(|- |--|,? *invalid address)",
        rf"\brcpt to:?\s*<?({_A})",
        rf"{_ANNOUNCED}(?:\s+address)?(?:\(es\))?\s*[:=]?\s*[\"'<\[(]{{0,2}}(?:smtp:|mailto:|rfc822;)?\s*({_A})",
        rf"^\s*({_A})\b",
        rf"[<\[\"']({_A})[>\]\"']",
    )
)
PLAIN = 3
#: Lines whose addresses are of somebody else.
NOT_NAMING = _compiled((
    "mail from", "envelope-from", r"\bfrom\b ?[:<]", r"\bsender\b", "reply-to", "contact", "support", "abuse@",
    "help@",
    "assist", "questions?", "generated from", "forward", "sent by", r"f=\[", "https?://", "please send",
    "report this",
    "absender", "expéditeur", "remitente",
))  # fmt: skip
#: The same, at the end of the line above.
NOT_NAMING_NEXT = re.compile(r"(?:sent by|from|contact|absender)\W*$", re.IGNORECASE)
#: Nobody's mailboxes.
NOBODY = re.compile(
    "(?:mailer-daemon|postmaster|abuse|no-?reply|bounce[^@]{0,64}|support|mail-daemon|undisclosed)@", re.IGNORECASE
)
#: The system still tries, unless it says that it has given up.
WARNING = _compiled((
    "warning message only", r"\bwarning:", "delay", "not yet been delivered", "has not been delivered yet",
    "will (?:be )?(?:re)?tr(?:y|ied)", "still (?:being )?tr(?:y|ied)", "temporary failure report",
    "do not need to re-?send", "verzögert", "retard", "retrasad", "opóźni", "задерж", "затрим", "遅延",
    "still (?:in|on) (?:the )?queue", "keep(?:s)? trying", "no action is required",
))  # fmt: skip
WARNING_TITLE = _compiled(("delay", "warning", "verzögert", "retard", "задерж", "opóźni", "still being retried"))
GIVEN_UP = _compiled((
    "given up", "giving up on", "permanent", "no further", "returned to", "final", "could not be delivered",
    r"failure\)",
))  # fmt: skip
#: What systems say of every bounce, which says nothing of this one.
NOTICE = _compiled((
    "this (?:is a|has been a) permanent (?:error|failure)", "permanent(?:ly)? fatal errors?", "failed permanently",
    "technical details of (?:permanent|temporary) failure", "message was created automatically[^.]{0,60}",
    "do not reply[^.]{0,40}", "transcript of session", "unrecoverable error", "delivery attempts?",
    r"(?:the )?following address(?:es|\(es\))? failed",
))  # fmt: skip
