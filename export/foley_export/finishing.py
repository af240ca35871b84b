"""The last steps to a pack, whatever it is for: the manifest is written, and the pack is proved as it lies there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from foley_bridge.inference.manifest import Manifest
from foley_bridge.inference.places import MANIFEST
from foley_export.check import check
from foley_export.errors import ExportError


def finish(folder: Path, manifest: Manifest, say: Callable[[str], None]) -> None:
    """Make a pack of a folder that has all of it but the manifest.

    Args:
        say: is told what is being done.

    Raises:
        ExportError: the manifest says what it must not, or the pack does not hold what it claims.
    """
    try:
        (folder / MANIFEST).write_bytes(manifest.to_bytes())
    except ValueError as error:
        raise ExportError(
            f"the manifest cannot be written: {error}", "give other --name, --version, --title, --licence"
        ) from error
    say("checking the pack as it lies there")
    for finding in check(folder):
        if not finding.holds:
            raise ExportError(f"the pack does not hold: {finding.claim}: {finding.seen}", "this is a fault of foley-export")
