"""Loaded by every Python process that a test starts: no connection leaves this machine.

An audit hook sits below `socket.socket`, so no subclass and no C caller of it slips through, and it
cannot be removed again.
"""

import ipaddress
import sys
from typing import Any


def _is_local(host: Any) -> bool:
    if host in (None, "", "localhost", b"localhost"):
        return True
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_network(event: str, args: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        # a unix socket's address is a path; a message on a connected socket has none
        address = args[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event == "socket.getaddrinfo":
        host = args[0]
    else:
        return
    if not _is_local(host):
        raise OSError(f"tests run without a network: {event} to {host!r}")


sys.addaudithook(_refuse_network)
