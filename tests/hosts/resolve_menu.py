"""The menu of a simulated Resolve: scripts as ``foley-bridge install-host`` puts them there, run as Resolve runs them."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import serving
from resolve_simulated import simulated
from resolve_ui_simulated import Bmd, Fusion
from resolve_world import World


class Menu:
    """Scripts in a folder of Resolve's.

    Args:
        folder: made, like the one that Resolve keeps.
        home: of foley_bridge; the work folder lies in it.
        endpoint: of the daemon that the scripts ask.
    """

    def __init__(self, folder: Path, home: Path, endpoint: str) -> None:
        folder.mkdir()
        home.mkdir(exist_ok=True)
        done = serving.command("install-host", "resolve", "--into", folder, "--json", "--endpoint", endpoint, home=home)
        assert done.returncode == 0, done.stdout + done.stderr
        self.scripts = folder / "Fusion" / "Scripts" / "Utility" / "Foley"
        self.config = folder / "Fusion" / "foley_bridge" / "foley_bridge.json"

    @property
    def work(self) -> Path:
        return Path(json.loads(self.config.read_text("utf-8"))["work"])

    def names(self) -> list[str]:
        return sorted(path.stem for path in self.scripts.glob("*.py"))

    def choose(self, name: str, world: World, *user: Any, folder: str | None = None) -> str:
        """Run an entry; gives what the user read last.

        Args:
            user: what he does (resolve_ui_simulated.py); ``"OK"`` at the end is understood.
            folder: what he chooses where he is asked for one.
        """
        bmd = Bmd(*user, "OK")
        code = compile((self.scripts / f"{name}.py").read_text("utf-8"), "<string>", "exec")  # Resolve gives no __file__
        with _modules_of_its_own():
            exec(code, {"resolve": simulated(world), "fusion": Fusion(folder), "bmd": bmd, "__name__": "__main__"})
        left = [window.text() for window in bmd.open()]
        assert not left, f"windows are still open: {left}"
        return bmd.read[-1] if bmd.read else ""


@contextlib.contextmanager
def _modules_of_its_own() -> Iterator[None]:
    """A script's process is new: what was imported here, it imports anew, from where its own path says."""
    path = list(sys.path)
    ours = {name: module for name, module in sys.modules.items() if name.split(".")[0] in ("foley_host", "foley_resolve")}
    for name in ours:
        del sys.modules[name]
    sys.path[:] = [folder for folder in path if "host_scripts" not in folder]
    try:
        yield
    finally:
        sys.path[:] = path
        for name in [name for name in sys.modules if name.split(".")[0] in ("foley_host", "foley_resolve")]:
            del sys.modules[name]
        sys.modules.update(ours)
