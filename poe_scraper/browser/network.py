"""Network policy: which hosts a browser may contact, and which it was refused.

One policy serves all browsers. A browser of our own gets it as launch flags, which its network stack enforces for
names and IP addresses alike; a proxy, which resolves names itself, is put behind `browser.relay`; in a browser that
somebody else has launched, requests to other hosts are aborted.
"""

import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from ipaddress import ip_address
from typing import Any
from urllib.parse import urljoin, urlsplit

from poe_scraper.failures import UsageError

AUTO_HOSTS = ("*.poecdn.net", "challenges.cloudflare.com")
"""What Poe's pages load from beside the site: its CDN (reported), and Cloudflare's bot check (recorded)."""

MAX_LEARNED = 16
"""Hosts that are learned in one crawl, at most."""

MAX_DOCUMENT = 1024 * 1024
"""Characters of a document that are searched for hosts."""

NEEDED = frozenset({"Script", "Stylesheet", "Document"})
"""Resource types of the DevTools protocol without which a page may lack what is looked for; `Document` is a frame's."""

WEBRTC_ARGS = (
    # no packet leaves by UDP; the headless shell knows the first name, a full Chromium the second
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
)

WITHOUT_WEBRTC = """for (const name of ["RTCPeerConnection", "webkitRTCPeerConnection", "WebTransport"])
  try { Object.defineProperty(globalThis, name, { value: undefined }); } catch {}"""
"""Init script for a browser whose launch flags are not ours."""

_HOST = re.compile(
    r"(?:\*\.)?(?:(?!-)[a-z0-9_-]{1,63}(?<!-)\.)*(?!-)[a-z0-9_-]{1,63}(?<!-)",
)

# --- the setting -------------------------------------------------------------------------------


def listed_hosts(setting: str) -> tuple[bool, tuple[str, ...]]:
    """Read `POE_SITE_HOSTS`.

    Returns:
        True if it names `auto` or is empty, and the hosts that it names, in lower case and without brackets.

    Raises:
        UsageError: an entry is not a host, `*.host` or an IP address.
    """
    words = [word.strip().lower() for word in setting.split(",") if word.strip()]
    hosts = [word.removeprefix("[").removesuffix("]") for word in words if word != "auto"]
    for host in hosts:
        if not _is_host(host):
            message = (
                f"POE_SITE_HOSTS must be `auto` or host names separated by commas (cdn.example.com, *.example.com), "
                f"got {host!r}"
            )
            raise UsageError(message)
    return len(hosts) < len(words) or not words, tuple(hosts)


def check_hosts(settings: Mapping[str, Any]) -> None:
    """Check `POE_SITE_HOSTS` before a crawl starts.

    A listed host must resolve, if the site's own does: one that does not is most likely misspelled. Behind a proxy,
    which resolves names itself, that is not known here.

    Args:
        settings: of the crawl.

    Raises:
        UsageError: an entry is malformed or unknown.
    """
    from poe_scraper.browser.proxies import find_proxies

    _, hosts = listed_hosts(str(settings.get("POE_SITE_HOSTS") or ""))
    names = [host for host in hosts if not host.startswith("*.")]
    if not names or find_proxies(settings) is not None or not _resolves(host_of(str(settings["POE_SITE_URL"]))):
        return
    unknown = [name for name in names if not _resolves(name)]
    if unknown:
        message = f"POE_SITE_HOSTS names a host that does not exist: {', '.join(unknown)}"
        raise UsageError(message)


def _resolves(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return False
    return True


# --- the policy --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hosts:
    """Hosts that may be contacted.

    Args:
        patterns: host names, `*.name` for the subdomains of one, and IP addresses.
    """

    patterns: tuple[str, ...]

    def allow(self, host: str) -> bool:
        """True if pages may load from a host."""
        return any(
            host == pattern or (pattern.startswith("*.") and host.endswith(pattern[1:])) for pattern in self.patterns
        )

    def refuse(self, url: str) -> bool:
        """True if a request for this address would go to a host that pages may not contact."""
        parts = _split(url)
        return parts is None or (parts.scheme in {"http", "https", "ws", "wss"} and not self.allow(parts.host))


class NetworkPolicy:
    """Which hosts the pages of one crawl may load from.

    Args:
        site_url: address under which the bot pages stand.
        hosts: `POE_SITE_HOSTS`.
        known: hosts that earlier crawls have learned; used with `auto` alone.

    Raises:
        UsageError: `hosts` is malformed.
    """

    def __init__(self, site_url: str, hosts: str = "auto", known: Iterable[str] = ()) -> None:
        self.site_host = host_of(site_url)
        self.learns, listed = listed_hosts(hosts)
        own = [self.site_host] if _is_address(self.site_host) else [self.site_host, f"*.{self.site_host}"]
        automatic = (*own, *AUTO_HOSTS) if self.learns else own[:1]
        self.hosts = Hosts(tuple(dict.fromkeys((*automatic, *listed))))
        """Replaced when a host is learned: a browser that runs contacts those of its start."""
        self.script_hosts: set[str] = set()
        """Other hosts than the site's that its pages took scripts and style sheets from."""
        self._learned = 0
        if self.learns:
            self._add(host for host in sorted(set(known)) if self._is_learnable(host))

    def learn(self, document: str, url: str, refused: Iterable[str]) -> bool:
        """Allow the refused hosts that a document of the site names for its scripts and style sheets.

        Args:
            document: HTML as it came over the wire, before any script ran.
            url: its address.
            refused: hosts that a page was refused.

        Returns:
            True if there was one: the browser has to start again, with new flags.
        """
        if not self.learns or self._learned >= MAX_LEARNED or not self.hosts.allow(host_of(url)):
            return False
        named = named_hosts(document, url)
        new = [host for host in sorted(set(refused) & named) if self._is_learnable(host)]
        new = new[: MAX_LEARNED - self._learned]
        self._learned += len(new)
        self._add(new)
        return bool(new)

    def _add(self, hosts: Iterable[str]) -> None:
        self.hosts = Hosts((*self.hosts.patterns, *hosts))

    def _is_learnable(self, host: str) -> bool:
        """True if a document may add this host: a public site never reaches into the local network."""
        return not self.hosts.allow(host) and (not _is_local(host) or _is_local(self.site_host)) and _is_host(host)

    def launch_args(self, relay_port: int | None = None) -> list[str]:
        """Chromium's flags that enforce the policy.

        Args:
            relay_port: port of the `Relay` on the loopback address that all requests go through; None without a proxy.
        """
        patterns = self.hosts.patterns if relay_port is None else ("127.0.0.1",)
        rules = ", ".join(["MAP * ~NOTFOUND", *(f"EXCLUDE {pattern}" for pattern in patterns)])
        return [f"--host-resolver-rules={rules}", *WEBRTC_ARGS]


# --- hosts in documents ------------------------------------------------------------------------


class _ScriptsAndStyleSheets(HTMLParser):
    """Collects the addresses that a document names for scripts and style sheets."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.base = ""
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "base" and not self.base:
            self.base = given.get("href", "")
        elif tag == "script":
            self.found.append(given.get("src", ""))
        elif tag == "link":
            relations = given.get("rel", "").lower().split()
            preloads = "preload" in relations and given.get("as", "").lower() in {"script", "style"}
            if preloads or not {"stylesheet", "modulepreload"}.isdisjoint(relations):
                self.found.append(given.get("href", ""))


def named_hosts(document: str, url: str) -> set[str]:
    """The hosts that an HTML document names for its scripts and style sheets, the document's own excluded."""
    parser = _ScriptsAndStyleSheets()
    parser.feed(document[:MAX_DOCUMENT])
    hosts = set()
    for address in filter(None, parser.found):
        try:
            hosts.add(host_of(urljoin(urljoin(url, parser.base), address)))
        except ValueError:  # not an address
            continue
    return hosts - {"", host_of(url)}


@dataclass(frozen=True)
class _Address:
    scheme: str
    host: str


def _split(url: str) -> _Address | None:
    try:
        parts = urlsplit(url)
        return _Address(parts.scheme.lower(), (parts.hostname or "").rstrip("."))
    except ValueError:
        return None


def host_of(url: str) -> str:
    """The host of an address, in lower case and without brackets; empty where it has none."""
    address = _split(url)
    return address.host if address else ""


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_host(host: str) -> bool:
    return _is_address(host) or (len(host) <= 253 and _HOST.fullmatch(host) is not None)


def _is_local(host: str) -> bool:
    """True if a host is, by its name or address, on this machine or in its own network."""
    if _is_address(host):
        return not ip_address(host).is_global
    return host.rpartition(".")[2] in {"localhost", "local", "internal"} or host.endswith(".home.arpa")
