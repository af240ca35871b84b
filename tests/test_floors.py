"""The house stands: a room imports only from floors below it, and the runtime never imports the training side."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = {
    0: {"timeline", "media", "stage"},
    1: {"library", "inference", "conform", "report"},
    2: {"engines"},
    3: {"jobs"},
    4: {"bridge", "hosts"},
    5: {"demo", "doctor", "panel"},
    6: {"cli"},
    7: {"__main__"},
}
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
OPEN_TO_ALL = {"foley_bridge", "foley_bridge.command", "foley_bridge.errors", "foley_bridge.home", "foley_bridge.timeline.time"}
SOURCES = sorted(p for top in ("foley_bridge", "models", "export") for p in (ROOT / top).rglob("*.py"))


def imported_modules(path: Path) -> set[str]:
    """Every absolute module a file imports, at the top or inside functions; `from a import b` counts as a and a.b."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}
    return modules


def room_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "foley_bridge" and len(parts) > 1 and parts[1] in FLOOR_OF else None


def test_every_file_of_the_package_belongs_to_a_room() -> None:
    for path in (ROOT / "foley_bridge").rglob("*.py"):
        first = path.relative_to(ROOT / "foley_bridge").parts[0].removesuffix(".py")
        assert first in FLOOR_OF or first in {"__init__", "command", "errors", "home"}, f"{path} stands in no room"


@pytest.mark.parametrize(
    "path", [p for p in SOURCES if p.is_relative_to(ROOT / "foley_bridge")], ids=lambda p: str(p.relative_to(ROOT))
)
def test_a_room_imports_only_from_floors_below(path: Path) -> None:
    own = path.relative_to(ROOT / "foley_bridge").parts[0].removesuffix(".py")
    for module in imported_modules(path):
        top = module.split(".")[0]
        assert top not in {"torch", "foley_models", "foley_export"}, f"{path} imports {module}: the runtime never does"
        other = room_of(module)
        if (
            other is None
            or other == own
            or any(module == free or module.startswith(free + ".") for free in OPEN_TO_ALL - {"foley_bridge"})
        ):
            continue
        assert own in FLOOR_OF, f"{path} may import no room, it imports {module}"
        assert FLOOR_OF[other] < FLOOR_OF[own], f"{path} (floor {FLOOR_OF[own]}) imports {module} (floor {FLOOR_OF[other]})"


@pytest.mark.parametrize("path", [p for p in SOURCES if p.is_relative_to(ROOT / "models")], ids=lambda p: p.name)
def test_models_import_only_what_training_and_inference_share(path: Path) -> None:
    allowed = tuple(
        f"foley_bridge.{room}"
        for room in (
            "inference.features",
            "inference.clips",
            "inference.griffin_lim",
            "inference.offsets",
            "stage",
            "media",
            "timeline",
            "errors",
            "command",
        )
    )
    for module in imported_modules(path):
        assert not module.startswith("foley_bridge.") or module.startswith(allowed), f"{path} imports {module}"


def test_the_command_line_does_not_load_the_heavy_libraries_to_say_help() -> None:
    code = (
        "import sys; from foley_bridge import cli; cli.main(['--help']);"
        "heavy = {'librosa', 'numba', 'scipy', 'cv2', 'av', 'onnxruntime', 'torch', 'opentimelineio'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
