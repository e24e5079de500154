"""Which addresses a feed's requests may go to: the public ones, and those that the operator allows by name.

A feed's address is somebody's input, so it could name our own machine, its network or the cloud's metadata service.
Each connection is made to the address that was checked, not to a name that may mean another one a moment later.
Source: OWASP's "Server-Side Request Forgery Prevention Cheat Sheet".
"""

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin, urlsplit

import structlog

from db.errors import BadUserInput, SourceUnreachable
from sync.daemon_threads import DaemonThreads

log = structlog.get_logger(__name__)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_UNICAST: Final = ipaddress.ip_network("2000::/3")
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_DOCUMENTATION: Final = ipaddress.ip_network("3fff::/20")
_LOOK_UPS: Final = 4
_PORTS: Final = {"http": 80, "https": 443}


class FeedForbidden(SourceUnreachable):
    """The request may not be made."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What ROWCAST_FEED_ALLOW names: hosts, with a port or for all ports, and networks."""

    hosts: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> "Allowed":
        """Of entries such as `feeds.internal`, `127.0.0.1:8010`, `10.1.0.0/16`. BadUserInput names a wrong one."""
        hosts: set[tuple[str, int | None]] = set()
        networks: list[Network] = []
        for entry in entries:
            try:
                if "/" in entry:
                    networks.append(ipaddress.ip_network(entry))
                    continue
                parts = urlsplit(f"//{entry}")
                if not parts.hostname or parts.path or parts.username is not None:
                    raise ValueError("it is no host")
                hosts.add((parts.hostname, parts.port))
            except ValueError as error:
                message = f"ROWCAST_FEED_ALLOW: {entry!r} is no host, host:port or network ({error})."
                raise BadUserInput(message) from error
        return cls(frozenset(hosts), tuple(networks))

    def names(self, host: str, port: int) -> bool:
        """Whether a host is allowed by its name, wherever it leads."""
        return (host.lower(), port) in self.hosts or (host.lower(), None) in self.hosts

    def holds(self, address: Address) -> bool:
        """Whether an address is in an allowed network."""
        return any(address in network for network in self.networks if network.version == address.version)


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet, and so does one that it stands for.

    >>> [is_public(ipaddress.ip_address(one)) for one in ("93.184.216.34", "169.254.169.254", "::ffff:127.0.0.1")]
    [True, False, False]
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address in _NAT64:
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if address.sixtofour is not None and not is_public(address.sixtofour):
        return False
    # Outside of global unicast is nothing public, though Python calls some of it global: site-local addresses, and
    # those that hold an IPv4 address in a form of old.
    return address in _UNICAST and address not in _DOCUMENTATION and address.is_global


def check_url(url: str) -> tuple[str, int]:
    """Host and port of an address that may be asked at all. FeedForbidden for anything but http and https."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise FeedForbidden(f"{shown(url)} is no address: {error}.") from error
    if parts.scheme not in _PORTS or not host:
        raise FeedForbidden(f"{shown(url)} is no http or https address.")
    return host, port or _PORTS[parts.scheme]


def follow(url: str, reference: str) -> str:
    """The address that a reference found at `url` leads to. FeedForbidden for one that is none."""
    try:
        return urljoin(url, reference)
    except ValueError as error:
        raise FeedForbidden(f"{shown(url)} leads on to what is no address: {error}.") from error


def shown(url: str) -> str:
    """An address for people: without what may be secret in it, its user and query."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return "The feed's address"
    bracketed = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{bracketed}{port}{parts.path}"


class Guard:
    """Finds the addresses of a host that may be connected to. `resolve` gives the addresses of host and port.

    Names are looked up in threads of its own, since a name server that hangs must not hold up the process' end.
    """

    def __init__(self, allowed: Allowed, resolve: Resolve | None = None) -> None:
        self._allowed = allowed
        self._threads = DaemonThreads(_LOOK_UPS, "feed-names")
        self._resolve = resolve or self._look_up

    def close(self) -> None:
        """No more names are looked up."""
        self._threads.close()

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """At least one. FeedForbidden, which names none, where there are only others; OSError where the name leads
        nowhere."""
        try:
            found = await self._resolve(host, port)
        except UnicodeError as error:
            # A label that is empty or too long, says Python's own codec for names.
            raise OSError(f"{host} is no name of a host") from error
        if self._allowed.names(host, port):
            return found
        passed = [one for one in found if self._passes(ipaddress.ip_address(one.partition("%")[0]))]
        if not passed:
            # Where a name leads inside of our network is for its operator, and not for who asks.
            log.info("a feed's host is not on the public internet", host=host, port=port, addresses=list(found))
            raise FeedForbidden(
                f"{host} is not on the public internet: feeds there are read only if ROWCAST_FEED_ALLOW names "
                f"{host}:{port}."
            )
        return passed

    def _passes(self, address: Address) -> bool:
        return is_public(address) or self._allowed.holds(address)

    async def _look_up(self, host: str, port: int) -> Sequence[str]:
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            found = await self._threads.run(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        return list(dict.fromkeys(str(one[4][0]) for one in found))
