"""The socket that a program is to listen on, had before it starts anything, or a message that says why it can't be."""

import errno
import socket
from typing import Final

from api.cli_error import CommandError, port_forbidden, port_in_use

_STALL_MS: Final = 90_000
"""How long a client may take nothing of what is written to it, whatever the protocol, before the kernel ends it."""


def bound(host: str, port: int, variable: str) -> socket.socket:
    """A socket bound to the address, to be listened on. CommandError naming the variable where that fails."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Inherited by every connection.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STALL_MS)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise port_in_use(port, variable) from error
        if error.errno == errno.EACCES:
            raise port_forbidden(port, variable) from error
        raise CommandError(f"{variable}: port {port} of {host} can't be had: {error.strerror}.") from error
    return listener
