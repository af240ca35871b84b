"""Where a daemon of a test's own can listen."""

from __future__ import annotations

from ports import free_ports


def free_endpoint() -> str:
    """Nobody listens there, nor where such a daemon has its other sockets."""
    return f"tcp://127.0.0.1:{free_ports(4)}"
