"""What runs where on this machine, as ``capabilities`` says it: found out by child processes, so that the daemon itself stays
small."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from typing import Any

from foley_bridge.errors import PackError
from foley_bridge.home import home
from foley_bridge.inference.places import TASKS, packs_folder, state
from foley_bridge.jobs.worker_process import environment

log = logging.getLogger(__name__)
_TIMEOUT_S = 300
_PROVIDERS = """
import json, sys
from foley_bridge.inference.providers import listed, probe
names = listed()
json.dump([name for name in names if probe(name).loads], sys.stdout)
"""
_PACKS = """
import json, sys
from foley_bridge.inference.where import serving
json.dump([one.to_json() for one in serving()], sys.stdout)
"""


class Running:
    """Asks once, and again when another pack is in use."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._providers: list[str] | None = None
        self._packs: tuple[str, list[dict[str, Any]]] | None = None

    def providers(self) -> list[str]:
        """What ONNX Runtime really loads here."""
        with self._asking:
            if self._providers is None:
                self._providers = list(_asked(_PROVIDERS))
            return self._providers

    def packs(self) -> list[dict[str, Any]]:
        """What serves each task, and where its graphs run; a graph that takes its process down is a fault of its pack."""
        with self._asking:
            now = state(packs_folder(home()))
            if self._packs is None or self._packs[0] != now:
                try:
                    self._packs = now, list(_asked(_PACKS))
                except subprocess.SubprocessError as error:
                    log.warning("where packs run cannot be found out: %s", error)
                    fault = PackError("the process that loads the packs in use died", "foley-bridge doctor knows more")
                    nothing: dict[str, Any] = {"pack": None, "space": None, "graphs": [], "fault": fault.to_json()}
                    self._packs = now, [{"task": task, **nothing} for task in TASKS]
            return self._packs[1]


def _asked(program: str) -> Any:
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=True,
        env=environment(),
    )
    return json.loads(done.stdout)
