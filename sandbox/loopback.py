"""Whom the sandbox calls: servers on this machine only, whatever a test or a pasted script asks for."""

import ipaddress
import ssl
from typing import Final
from urllib.parse import urlsplit

# Nobody vouches for a loopback address, and to read the list of those who vouch for others takes longer than a call.
NO_AUTHORITIES: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def leaves_loopback(url: str) -> str | None:
    """Why a URL isn't called; None where it is http or https on a loopback address."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return f"'{url}' is no URL."
    if parts.scheme not in ("http", "https") or not host:
        return f"'{url}' must begin with http:// or https:// and a host."
    if host == "localhost":
        return None
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    return None if loopback else f"The sandbox calls only loopback addresses such as 127.0.0.1, not {host}."
