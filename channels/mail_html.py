"""HTML mail as plain text, with what the mail program quoted marked by ``>`` as plain mail has it.

Quotations are known by what each program writes around them: ``blockquote``, and the ids and classes below. Only the
standard library's tokeniser is used: nothing is fetched, run or believed.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

_MOST = 300_000
#: A quotation inside this element.
_QUOTING = re.compile(
    r"\b(?:gmail_quote(?:_container)?|x_gmail_quote|yahoo_quoted|moz-cite-prefix|protonmail_quote|tutanota_quote|"
    r"zmail_extra|yj6qo|ymail_android_signature_quote|wm_quote|quotedtext|gmx_quote|mail_quote|hmquote|"
    r"cutekit_quote|ms-outlook-mobile-reference-message|mail-editor-reference-message-container|olk_src_body_section|"
    r"reply-?intro|origbody|replysplit|mailquote|quoted-message|original-message|tmail-quote|spark_quote|"
    r"mcntmcontainer|front-blockquote|missive_quote|zimbra_quote|mb_quote)",
    re.IGNORECASE,
)
#: The quotation begins here and goes on to the end.
_FROM_HERE = re.compile(
    r"\b(?:x_)?(?:divrplyfwdmsg|appendonsend|stopspelling|replyforwardmessage|mail-reference-message|outlookmessageheader)",
    re.IGNORECASE,
)
#: Outlook's rule above the headers of what it quotes.
_OUTLOOK_RULE = re.compile(
    r"border(?:-top)?:\s*(?:none;\s*border-top:\s*)?solid\s*(?:#?(?:b5c4df|e1e1e1|b5c4de)|windowtext)", re.IGNORECASE
)
#: What shows nothing.
_SILENT = frozenset({"head", "style", "script", "title", "template", "noscript", "svg", "object", "select"})
_BLOCKS = frozenset({
    "p", "div", "table", "tr", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "hr", "blockquote", "form",
    "section", "article", "header", "footer", "center", "address", "dl", "dt", "dd", "body", "html",
})  # fmt: skip
_VOID = frozenset({"br", "hr", "img", "meta", "link", "input", "area", "base", "col", "embed", "source", "wbr"})
#: A line that :mod:`channels.quoting` takes for the beginning of a quotation.
BREAK = "-----Original Message-----"
_HIDDEN = re.compile(r"display:\s*none|mso-hide:\s*all|font-size:\s*0(?:px|pt)?\s*(?:;|$)", re.IGNORECASE)


def to_text(html: str) -> str:
    """Give the words of an HTML document as lines; quotations begin with ``>``. Never raises for what stands in it."""
    reader = _Reader()
    # The tokeniser looks for the end of each unended thing again and again: without these it is quick.
    html = re.sub(r"<!\[[^>]{0,2000}>|<\?[^>]{0,2000}>", "", _without_comments(html[:_MOST]))
    html = re.sub(r"<(?![a-zA-Z/])", "&lt;", html)
    if html.count("<") > html.count(">") + 1_000:
        return html
    try:
        reader.feed(html)
        reader.close()
    except (AssertionError, ValueError, RecursionError):
        pass  # its own words for "this is no HTML"; what was read so far stands
    return reader.text()


def _without_comments(html: str) -> str:
    kept, at = [], 0
    while (begin := html.find("<!--", at)) >= 0:
        kept.append(html[at:begin])
        end = html.find("-->", begin)
        if end < 0:
            return "".join(kept)
        at = end + 3
    return "".join([*kept, html[at:]])


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = []
        self._line = ""
        self._open: list[tuple[str, bool, bool]] = []  # tag, quotes, silences
        self._quoted = 0
        self._silent = 0
        self._pre = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        names = f"{given.get('id', '')} {given.get('class', '')} {given.get('name', '')}"
        style = given.get("style", "")
        if tag == "br":
            self._end_line(force=True)
        elif tag in _BLOCKS:
            self._end_line()
            if tag == "p":
                self._gap()
        if _FROM_HERE.search(names) or (tag == "div" and _OUTLOOK_RULE.search(style)):
            self._end_line()
            if not self._quoted:
                self._lines.append(BREAK)
        if tag == "hr" and not self._quoted:
            self._lines.append("")
        if tag == "li":
            self._line += "- "
        if tag in _VOID:
            return
        quotes = (tag == "blockquote" and "margin:0 0 0 40px" not in style.replace("px 0px", " 0")) or bool(
            _QUOTING.search(names)
        )
        silences = tag in _SILENT or bool(_HIDDEN.search(style))
        if quotes:
            self._end_line()
        if len(self._open) < 1_000:
            self._open.append((tag, quotes, silences))
            self._quoted += quotes
            self._silent += silences
            self._pre += tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._end_line()
            if tag == "p":
                self._gap()
        # What was left open within is closed with it; an end without a beginning closes nothing.
        depth = next((at for at in range(len(self._open) - 1, -1, -1) if self._open[at][0] == tag), None)
        if depth is None or len(self._open) - depth > 50:
            return
        while len(self._open) > depth:
            name, quotes, silences = self._open.pop()
            if quotes:
                self._end_line()
            self._quoted -= quotes
            self._silent -= silences
            self._pre -= name == "pre"

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        if self._pre:
            first, *others = data.split("\n")
            self._line += first
            for line in others:
                self._end_line(force=True)
                self._line = line
            return
        words = re.sub(r"[ \t\r\n\f]+", " ", data)
        self._line += words.lstrip(" ") if not self._line or self._line.endswith(" ") else words

    def _end_line(self, *, force: bool = False) -> None:
        line = self._line.rstrip()
        self._line = ""
        if line or force:
            self._lines.append(("> " * min(self._quoted, 3)) + line if self._quoted else line)

    def _gap(self) -> None:
        if self._lines and self._lines[-1].strip("> "):
            self._lines.append(">" if self._quoted else "")

    def text(self) -> str:
        self._end_line()
        return "\n".join(self._lines).strip("\n")
