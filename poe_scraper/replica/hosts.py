"""The host names that the replica answers to: all of them are this machine.

Poe's pages come from `poe.com`, its scripts from another host (`psc2.cf2.poecdn.net`), and trackers from
hosts of their own. The replica does the same with the names of the loopback interface. Chromium resolves
every name that ends in `.localhost` by itself.
"""

from dataclasses import dataclass

SITE_ADDRESS = "127.0.0.1"
"""Serves pages, GraphQL and the models API."""

OTHER_ADDRESS = "127.0.0.2"
"""Another address of this machine, which a page can only contact by going around a list of allowed names."""


@dataclass(frozen=True)
class Hosts:
    """The origins of one replica.

    Args:
        port: TCP port of all of them.
    """

    port: int

    def _origin(self, host: str) -> str:
        return f"http://{host}:{self.port}"

    @property
    def site(self) -> str:
        """Pages, GraphQL and the models API."""
        return self._origin(SITE_ADDRESS)

    @property
    def assets(self) -> str:
        """Scripts, style sheets, pictures and fonts."""
        return self._origin("localhost")

    @property
    def other_assets(self) -> str:
        """The same files, for documents that name another host than usual."""
        return self._origin("assets.localhost")

    @property
    def chunks(self) -> str:
        """The same files, for scripts that load further scripts from a host that no document names."""
        return self._origin("chunks.localhost")

    @property
    def checks(self) -> str:
        """The script of a bot check."""
        return self._origin("checks.localhost")

    @property
    def elsewhere(self) -> str:
        """Another site, which pages may redirect to."""
        return self._origin("elsewhere.localhost")

    @property
    def tracker(self) -> str:
        """A third party whose script the site's own script adds."""
        return self._origin("analytics.localhost")

    @property
    def literal(self) -> str:
        """A third party that is addressed by number."""
        return self._origin(OTHER_ADDRESS)

    @property
    def stun(self) -> str:
        """A STUN server, in the form that `RTCPeerConnection` takes."""
        return f"stun:{OTHER_ADDRESS}:{self.port}"

    def is_third_party(self, host: str) -> bool:
        """True if requests to this `Host` header are what a crawl should never send."""
        return f"http://{host}" in (self.elsewhere, self.tracker, self.literal)
