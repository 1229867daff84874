"""Removing secrets and personal data from a recording.

Two passes over everything that is recorded. `Scrubber.learn_*` finds values that must go: by the name they have in
JSON, in a script, an attribute, a header or a URL, and by their form. `Scrubber.clean` then replaces these values
wherever they are, whatever they are escaped for, so that a form key found in a header also disappears from the HTML.

A removed character becomes `x`, or a filler that takes as many bytes: documents keep their structure, and the
lengths that Next.js writes into streamed data stay right.
"""

import ipaddress
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus, unquote

from poe_scraper.failures import ObservationError
from poe_scraper.pages.document import parse_document

# --- what is secret or personal ----------------------------------------------------------------

_SECRET_NAME = re.compile(
    r"formkey|csrf|xsrf|secret|passw(?:or)?d|passwd|apikey|authorization|authkey|authcode|credential|cookie"
    r"|session(?:id|key|token)|deviceid|visitorid|clientid|installid|anonymousid|distinctid|trackingid|stableid"
    r"|customerid|guestid|anonid|tagid|fingerprint|privatekey|phonenumber|tchannel|channelhash|signature"
    r"|(?:^|access|auth|api|id|refresh|bearer|push|user)token$"
)
"""What names of secrets and visitor ids hold, without `-` and `_`."""
_SECRET_NAMES = frozenset(
    {"pb", "plat", "mb", "mlat", "cfclearance", "cfbm", "sid", "sig", "session", "jwt", "uid", "userid"}
)
_PERSONAL = re.compile(
    r"^(?:.*name|.*email.*|.*phone.*|handle|uid|id|userid|.*(?:photo|picture|avatar|image).*|bio|.*address.*|birth.*)$"
)
"""Names of what identifies a signed-in visitor, inside of an object about the visitor."""
_VISITOR = frozenset({"viewer", "currentuser", "loggedinuser", "authuser", "vieweruser", "signedinuser", "me"})
"""Names of objects about the visitor."""

_NAMED = re.compile(
    r"""(?<![\w$-])(?P<name>[A-Za-z_$][\w$-]{1,60})(?:\\*["'])?\s*[:=]\s*(?:\\*(?:["']|&quot;))(?P<value>[^"'\\\s<>&]{6,4096})"""
)
"""A name and its text in JSON, a script or an attribute, however often it is escaped."""
_SECRET_PARAMETERS = frozenset({"auth", "code", "hash", "key", "nonce", "state", "t"})
"""Names of parameters that carry secrets in an address, beside those above."""
_LOOKS_RANDOM = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w-]{20,}")
_PARAMETER = re.compile(r"[?&;](?:amp;)?(?P<name>[\w.-]{1,60})=(?P<value>[^&\"'\\\s<>#;]{1,4096})")
_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}(?:@|%40|\\u0040|&#64;)(?:[A-Za-z0-9-]{1,63}\.){1,5}(?!(?:png|jpe?g|gif|webp|svg|js|css)\b)[A-Za-z]{2,24}"
)
_FORMS = (
    _EMAIL,
    re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"),  # JSON Web Token
    re.compile(r"(?<=\bBearer )[\w.~+/=-]{8,}"),
    re.compile(r"\b(?:sk|pk|rk|whsec|ghp|xox[a-z])[-_][\w-]{16,}"),
    re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"),  # UUID
    re.compile(r"(?i:\bray id)\W{0,4}(?:<[^>]{0,80}>\s{0,4}){0,3}(?P<value>[0-9a-f]{16})\b"),
)
"""Secrets and personal data that are known by their form. The group `value`, if there is one, is what goes."""
_ADDRESS = re.compile(
    r"(?<![\w:.])(?:\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4})(?![\w:]|\.\d)"
)
"""What may be an IP address."""

KEPT_HEADERS = frozenset(
    {
        "accept",
        "accept-language",
        "cache-control",
        "cf-mitigated",
        "content-language",
        "content-type",
        "location",
        "poe-queryname",
        "poe-revision",
        "poegraphql",
        "retry-after",
        "server",
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
    }
)
"""Headers that a recording keeps. All others are left out, whatever they are."""

_COOKIE_ATTRIBUTES = frozenset({"domain", "expires", "max-age", "path", "samesite"})

_HARMLESS_HEADER = re.compile(
    "|".join(map(re.escape, sorted(KEPT_HEADERS)))
    + r"|(?:access-control|accept|content|sec|if|x-nextjs|next-router|strict-transport|x-frame|x-xss|permissions)-.*"
    r"|age|alt-svc|connection|date|dnt|etag|expires|host|keep-alive|last-modified|link|nel|origin|pragma|priority"
    r"|purpose|referer|referrer-policy|report-to|rsc|server-timing|transfer-encoding|upgrade-insecure-requests"
    r"|user-agent|vary|via|x-content-type-options|x-powered-by|cf-cache-status"
)
"""Headers whose values are neither kept nor secret."""

_MIN_LENGTH = 6
"""Characters of the shortest value that is looked for everywhere. A shorter one would be found in any text."""
_MIN_NAME = 3


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that a recording keeps; addresses among them without query and fragment."""
    kept = {name.lower(): value for name, value in headers.items() if name.lower() in KEPT_HEADERS}
    if "location" in kept:
        kept["location"] = re.split("[?#]", kept["location"], maxsplit=1)[0]
    return kept


class Scrubber:
    """Finds and removes secrets and personal data.

    Args:
        subject: handle of the bot or creator that the recording is about, which is kept in any case.
    """

    def __init__(self, subject: str = "") -> None:
        self._subject = subject.casefold()
        self._secrets: set[str] = set()
        self._names: set[str] = set()

    # --- first pass --------------------------------------------------------------------------------

    def learn(self, *values: str) -> None:
        """Add secrets that are known as such, for example the API key."""
        for value in values:
            if len(value) >= _MIN_LENGTH and value.casefold() != self._subject and _filler(value) != value:
                self._secrets.add(value)

    def learn_cookies(self, cookies: Iterable[Mapping[str, Any]]) -> None:
        """Add the values of cookies. A short plain word, such as `accepted`, identifies nobody and is left out."""
        for cookie in cookies:
            value = str(cookie.get("value") or "")
            if not re.fullmatch("[A-Za-z]{1,12}", value) or _is_secret(str(cookie.get("name"))):
                self.learn(value, unquote(value))

    def learn_headers(self, headers: Mapping[str, str]) -> None:
        """Add the values of headers, except those that are known to carry nothing of the kind."""
        for name, value in headers.items():
            if name.lower() in {"cookie", "set-cookie"}:
                pairs = (part.partition("=") for part in re.split("[;\n]", value))
                named = ({"name": key.strip(), "value": text.strip()} for key, _, text in pairs)
                self.learn_cookies(one for one in named if one["name"].lower() not in _COOKIE_ATTRIBUTES)
            elif name.lower() == "cf-ray":
                self.learn(value, value.partition("-")[0])
            elif not _HARMLESS_HEADER.fullmatch(name.lower()):
                self.learn(value, value.rpartition(" ")[2])

    def learn_text(self, text: str) -> None:
        """Find secrets in any text: HTML, a script, JSON, a URL."""
        for found in _NAMED.finditer(text):
            if _is_secret(found["name"]) and not found["value"].replace(".", "").isdigit():
                self.learn(found["value"])
        for found in _PARAMETER.finditer(text):
            name, value = found["name"], unquote(found["value"])
            if _is_secret(name) or name.lower() in _SECRET_PARAMETERS or _LOOKS_RANDOM.fullmatch(value):
                self.learn(found["value"], value)
        try:
            self.learn_json(json.loads(text))
        except (ValueError, RecursionError):
            return

    def learn_html(self, html: str) -> None:
        """Find secrets in a document: in its JSON, its scripts, its fields and its addresses."""
        self.learn_text(html)
        try:
            document = parse_document(html)
        except ObservationError:  # it is empty
            return
        for field in document.iter("meta", "input"):
            if any(_is_secret(str(field.get(key) or "")) for key in ("name", "id", "property")):
                self.learn(str(field.get("content") or field.get("value") or ""))
        for script in document.iter("script"):
            self.learn_json(_parsed(script.text or ""))
        stream = "".join(chunk.text for chunk in _streamed(html))
        self.learn_text(stream)
        for row in stream.split("\n"):
            self.learn_json(_parsed(row.partition(":")[2]))

    def learn_json(self, value: object, *, secret: bool = False, visitor: bool = False) -> None:
        """Find secrets in a JSON value, and what identifies the visitor in objects about the visitor."""
        waiting: list[tuple[str, object, bool, bool]] = [("", value, secret, visitor)]
        while waiting:
            name, value, secret, visitor = waiting.pop()
            if isinstance(value, dict):
                for key, part in value.items():
                    about_visitor = visitor or _plain(key) in _VISITOR
                    waiting.append((_plain(key), part, secret or _is_secret(key), about_visitor))
            elif isinstance(value, list):
                waiting.extend((name, part, secret, visitor) for part in value)
            elif secret and isinstance(value, str):
                self.learn(value)
            elif visitor and _PERSONAL.match(name) and isinstance(value, str | int) and not isinstance(value, bool):
                self._learn_name(name, str(value))
            if isinstance(value, str) and value[:1] in {"{", "["}:  # JSON inside of JSON
                self.learn_json(_parsed(value), secret=secret, visitor=visitor)

    def _learn_name(self, name: str, value: str) -> None:
        if value.isdigit():
            if len(value) >= _MIN_LENGTH:
                self._names.add(value)
            return
        parts = value.split() if name.endswith("name") else []
        for text in (value, *parts):
            if len(text) >= _MIN_NAME and text.casefold() not in self._subject and name != "typename":
                self._names.add(text)

    # --- second pass -------------------------------------------------------------------------------

    @property
    def found(self) -> tuple[str, ...]:
        """All values that were found, the longest first."""
        return tuple(sorted(self._secrets | self._names, key=lambda value: (-len(value), value)))

    def clean(self, text: str) -> str:
        """The text without secrets and personal data."""
        for value in self.found:
            for form in _escaped_forms(value):
                if form in text:
                    text = re.sub(self._pattern(value, form), lambda match: _filler(match.group()), text)
        for pattern in _FORMS:
            text = pattern.sub(_fill_value, text)
        return _ADDRESS.sub(lambda match: _filler(match.group()) if _is_public(match.group()) else match.group(), text)

    def clean_html(self, html: str) -> str:
        """The document without them, also where Next.js cut its streamed data in the middle of a secret."""
        chunks = list(_streamed(html))
        stream = self.clean("".join(chunk.text for chunk in chunks))
        pieces, position, copied = [], 0, 0
        for chunk in chunks:
            text = stream[position : position + len(chunk.text)]
            position += len(chunk.text)
            if text != chunk.text:
                pieces += [html[copied : chunk.start], json.dumps(text).replace("<", "\\u003c")]
                copied = chunk.end
        return self.clean("".join([*pieces, html[copied:]]))

    def clean_json(self, value: Any) -> Any:
        """A JSON value whose texts are clean. Names of fields stay."""
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, list | tuple):
            return [self.clean_json(part) for part in value]
        if isinstance(value, dict):
            return {name: self.clean_json(part) for name, part in value.items()}
        return value

    def leaks(self, content: str) -> list[str]:
        """Descriptions of what is still in a text: how long each value is, never the value."""
        return [
            f"a value of {len(value)} characters"
            for value in self.found
            if any(form in content and re.search(self._pattern(value, form), content) for form in _escaped_forms(value))
        ]

    def _pattern(self, value: str, form: str) -> str:
        """Names are whole words: `Ann` is not part of `Announcement`."""
        pattern = re.escape(form)
        return pattern if value in self._secrets else rf"(?<![\w]){pattern}(?![\w])"


def clean_scripts(html: str) -> str:
    """A document whose inline programs are empty. Data, such as `__NEXT_DATA__` and `__next_f`, stays.

    Programs compute form keys and hold ids of the visitor in ways that no pattern finds. Of a bot check's program
    the names stay that tell what it is.
    """
    pieces, copied = [], 0
    while (tag := _SCRIPT.search(html, copied)) is not None:
        end = _SCRIPT_END.search(html, tag.end())
        stop = end.start() if end else len(html)
        code = html[tag.end() : stop]
        if not _is_data(tag.group(), code):
            marks = " ".join(dict.fromkeys(_CHECK_MARKS.findall(code)))
            code = f"/* {marks} */" if marks else ""
        pieces += [html[copied : tag.end()], code]
        copied = stop
        if end is not None:
            pieces.append(end.group())
            copied = end.end()
    return "".join([*pieces, html[copied:]])


_CHECK_MARKS = re.compile(r"_cf_chl_opt|/cdn-cgi/challenge-platform/h/")
_SCRIPT = re.compile(r"<script\b[^>]*>", re.IGNORECASE)
_SCRIPT_END = re.compile(r"</script\s*>", re.IGNORECASE)


def _is_data(tag: str, code: str) -> bool:
    kind = re.search(r"""\btype\s*=\s*["']?([^"'\s>]+)""", tag, re.IGNORECASE)
    is_json = kind is not None and kind[1].lower().endswith("json")
    return is_json or "__next_f" in code


class _Chunk(NamedTuple):
    """A piece of Next.js's streamed data: where its JSON string is in the document, and its text."""

    start: int
    end: int
    text: str


_PUSH = re.compile(r"""__next_f\s*(?:=[^;]{0,60})?\)?\.push\(\s*\[\s*\d+\s*,\s*("(?:[^"\\]|\\.)*")""", re.DOTALL)


def _streamed(html: str) -> Iterator[_Chunk]:
    for match in _PUSH.finditer(html):
        text = _parsed(match[1])
        if isinstance(text, str):
            yield _Chunk(match.start(1), match.end(1), text)


# --- details -----------------------------------------------------------------------------------


def _plain(name: object) -> str:
    return re.sub("[^a-z0-9]", "", str(name).lower())


def _is_secret(name: str) -> bool:
    plain = _plain(name)
    return plain in _SECRET_NAMES or _SECRET_NAME.search(plain) is not None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return []


def _escaped_forms(value: str) -> Iterator[str]:
    """A value as it may be written in HTML, in JSON, in JSON inside of JSON, and in an address."""
    forms = {value, escape(value), escape(value, quote=False), quote(value, safe=""), quote(value), quote_plus(value)}
    for plain in (False, True):
        once = json.dumps(value, ensure_ascii=plain)[1:-1]
        twice = json.dumps(once, ensure_ascii=plain)[1:-1]
        forms |= {once, twice, once.replace("/", "\\/"), once.replace("<", "\\u003c"), twice.replace("<", "\\u003c")}
    yield from sorted(forms, key=lambda form: (-len(form), form))


def _filler(text: str) -> str:
    if text.isdigit():  # it may be a number in JSON
        return "1" * len(text)
    return "".join(map(_filler_character, text))


def _filler_character(character: str) -> str:
    match len(character.encode("utf-8", "replace")):
        case 1:
            return "x"
        case 2:
            return "\u00d7"
        case 3:
            return "\u2715"
        case _:
            return "\U0001f7a8"


def _fill_value(match: re.Match[str]) -> str:
    if "value" not in match.re.groupindex:
        return _filler(match.group())
    start, end = match.start("value") - match.start(), match.end("value") - match.start()
    text = match.group()
    return text[:start] + _filler(text[start:end]) + text[end:]


def _is_public(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False
