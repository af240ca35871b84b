"""The panel: the audition page's server, beside the daemon (docs/audition.md). ``python -P -m foley_bridge.panel``.

The daemon writes one line of settings on its standard input (``settings.py``) and keeps that open. The panel says one line on
its standard output, {"say": "listening", "port": N} or {"say": "failed", "message": ..., "hint": ...}. It ends, with its
children, when its input does.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import socket
import sys
import threading
from collections.abc import Mapping
from typing import IO, Any

from foley_bridge.bridge.logs import start_log
from foley_bridge.errors import FoleyError
from foley_bridge.jobs.child import die, own_streams
from foley_bridge.panel.settings import PanelSettings

log = logging.getLogger("foley_bridge.panel")

_BACKLOG = 100


def main() -> int:
    """Serve until standard input ends, which ends the process."""
    orders, words = own_streams()
    line = orders.readline()
    if not line:
        return 1
    settings = PanelSettings.from_line(line)
    start_log("text", settings.log_level)
    threading.Thread(target=_end_with, args=(orders,), daemon=True).start()
    try:
        listening = _listening(settings)
        asyncio.run(_serve(settings, listening, words))
    except (FoleyError, OSError) as error:
        message, hint = (error.message, error.hint) if isinstance(error, FoleyError) else (str(error), "")
        _say(words, {"say": "failed", "message": message, "hint": hint})
    die()
    return 1


def _listening(settings: PanelSettings) -> socket.socket:
    """A socket at the wanted port, or at a free one when that is taken; raises OSError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    for port in (settings.port, 0):
        found = socket.socket(family, socket.SOCK_STREAM)
        exclusive = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)  # Windows lets others share an address with SO_REUSEADDR
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR if exclusive is None else exclusive, 1)
        try:
            found.bind((settings.host, port))
            found.listen(_BACKLOG)
            return found
        except OSError as error:
            found.close()
            if port == 0 or error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
    raise AssertionError("a free port was asked for")


async def _serve(settings: PanelSettings, listening: socket.socket, words: IO[bytes]) -> None:
    import uvicorn

    from foley_bridge.panel.server import Panel

    port = int(listening.getsockname()[1])
    panel = Panel(settings, port)
    config = uvicorn.Config(
        panel.gate,
        http="h11",
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)  # the gate says what goes wrong, and without the token
    panel.start()
    log.info("listening at http://%s:%d", settings.host, port)
    _say(words, {"say": "listening", "port": port})
    await uvicorn.Server(config).serve(sockets=[listening])


def _say(words: IO[bytes], said: Mapping[str, Any]) -> None:
    with contextlib.suppress(OSError):
        words.write(json.dumps(said).encode() + b"\n")
        words.flush()


def _end_with(orders: IO[bytes]) -> None:
    with contextlib.suppress(OSError, ValueError):
        while orders.read(4096):
            pass
    die()


if __name__ == "__main__":
    sys.exit(main())
