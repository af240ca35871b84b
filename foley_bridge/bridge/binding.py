"""Where the daemon listens: an address taken apart, whether other machines can reach it, and the addresses next to it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import Literal

from foley_bridge.errors import BridgeError

_TCP = re.compile(r"tcp://(\[[0-9A-Fa-f:.]+\]|[^\s:/;\[\]]+):(\d{1,5})")
_IPC = re.compile(r"ipc://(/.+)")
_HINT = "write it as tcp://HOST:PORT, such as tcp://127.0.0.1:5577"


@dataclass(frozen=True)
class Binding:
    """An address to listen at.

    Attributes:
        transport: ``tcp``, or ``ipc`` (a socket file).
        host: a name, an IP number (IPv6 in brackets), or a socket file's path.
        port: 0 takes a free one; always 0 for ``ipc``.
    """

    transport: Literal["tcp", "ipc"]
    host: str
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> Binding:
        """From ``tcp://HOST:PORT`` or ``ipc://PATH``.

        Raises:
            BridgeError: it is neither.
        """
        if match := _IPC.fullmatch(text):
            return cls("ipc", match[1])
        match = _TCP.fullmatch(text)
        if not match or int(match[2]) > 65535:
            raise BridgeError(f"the daemon cannot listen at {text!r}: that is no address", _HINT)
        host = "127.0.0.1" if match[1].lower() == "localhost" else match[1]  # whatever a hosts file says
        return cls("tcp", host, int(match[2]))

    @property
    def endpoint(self) -> str:
        """As ZeroMQ takes it."""
        return f"ipc://{self.host}" if self.transport == "ipc" else f"tcp://{self.host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it: a loopback number or a socket file.

        Names of hosts and network interfaces, and ``*``, may mean anything, so they count as reachable.
        """
        if self.transport == "ipc":
            return True
        try:
            number = ipaddress.ip_address(self.host.strip("[]"))
        except ValueError:
            return False
        mapped = number.ipv4_mapped if isinstance(number, ipaddress.IPv6Address) else None
        return (mapped or number).is_loopback

    def next(self, ports: int) -> Binding:
        """The address so many ports further on (a free one when this one's port is 0); ``PATH.1`` for a socket file.

        Raises:
            BridgeError: there is no such port.
        """
        if self.transport == "ipc":
            return replace(self, host=f"{self.host}.{ports}")
        if self.port + ports > 65535:
            raise BridgeError(f"the daemon cannot listen at {self.endpoint}: it needs the {ports} ports after it, too", _HINT)
        return replace(self, port=self.port and self.port + ports)


def near(endpoint: str) -> str:
    """How this machine reaches a daemon that listens at all of its addresses."""
    for everywhere in ("//0.0.0.0:", "//*:", "//[::]:"):
        endpoint = endpoint.replace(everywhere, "//127.0.0.1:")
    return endpoint


def host_and_port(text: str, who: str) -> tuple[str, int]:
    """``HOST:PORT`` or ``[HOST]:PORT`` taken apart, the brackets off. ``who``: wants to listen there, for the error.

    Raises:
        BridgeError: it is neither.
    """
    host, _, port = text.rpartition(":")
    if not host or "/" in host or not re.fullmatch(r"\d{1,5}", port) or int(port) > 65535:
        raise BridgeError(f"{who} cannot listen at {text!r}: that is no address", "write it as HOST:PORT, as 127.0.0.1:9477")
    return host.strip("[]"), int(port)
