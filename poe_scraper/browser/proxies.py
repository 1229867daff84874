"""Proxies for the browser: the same that Scrapy uses for the models API, or Playwright's own option."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

from poe_scraper.failures import UsageError

SCHEMES = frozenset({"http", "https", "socks4", "socks5"})


@dataclass(frozen=True)
class Proxies:
    """Which proxy a request goes through.

    Args:
        http: address of the proxy for `http`; empty for none.
        https: address of the proxy for `https` and WebSockets; empty for none.
        bypass: hosts that are contacted directly, as Playwright's `proxy["bypass"]` has them. None for those of
            `no_proxy`.
    """

    http: str = field(default="", repr=False)  # it may hold a password
    https: str = field(default="", repr=False)
    bypass: tuple[str, ...] | None = None

    def find(self, scheme: str, host: str, port: int) -> str:
        """The proxy for a request; empty if it goes out directly."""
        if self.bypass is None:
            direct = bool(proxy_bypass(host))
        else:
            direct = any(fnmatchcase(name, pattern) for name in (host, f"{host}:{port}") for pattern in self.bypass)
        if direct:
            return ""
        return self.https if scheme == "https" else self.http


def find_proxies(settings: Mapping[str, Any]) -> Proxies | None:
    """The proxies that pages are asked for through; None without one.

    `PLAYWRIGHT_LAUNCH_OPTIONS["proxy"]` wins over `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`.

    Args:
        settings: of the crawl.

    Raises:
        UsageError: a proxy's address cannot be used.
    """
    option = (settings.get("PLAYWRIGHT_LAUNCH_OPTIONS") or {}).get("proxy")
    if option:
        server = _checked(str(option.get("server") or ""), 'PLAYWRIGHT_LAUNCH_OPTIONS["proxy"]["server"]')
        if option.get("username"):
            scheme, _, rest = server.partition("://")
            user = quote(str(option["username"]), safe="")
            password = quote(str(option.get("password") or ""), safe="")
            server = f"{scheme}://{user}:{password}@{rest}"
        words = [word.strip().lower() for word in str(option.get("bypass") or "").split(",")]
        return Proxies(server, server, tuple(f"*{word}" if word.startswith(".") else word for word in words if word))
    environment = getproxies()
    every = environment.get("all", "")
    http, https = environment.get("http", every), environment.get("https", every)
    if not (http or https):
        return None
    return Proxies(
        _checked(http, "http_proxy") if http else "",
        _checked(https, "https_proxy") if https else "",
    )


def _checked(address: str, name: str) -> str:
    """A proxy's address with its scheme, `http` unless given."""
    whole = address if "://" in address else f"http://{address}"
    try:
        parts = urlsplit(whole)
        is_usable = parts.scheme in SCHEMES and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_usable = False
    if not is_usable:
        message = f"{name} must be the address of a proxy, such as http://proxy.example.com:3128"
        raise UsageError(message)  # without the value: it may hold a password
    return whole
