"""``doctor``: is this machine fit, and what runs on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from foley_bridge.cli.asking import Json


def doctor(
    folder: Annotated[Path, typer.Option(metavar="DIR", help="Where takes would be written.")] = Path(),
    as_json: Json = False,
) -> int:
    """Check this machine, and what runs on it.

    Python, ONNX Runtime providers that really load, codecs, timeline formats, disk; the daemon, its audition page, the sound
    library, the packs and where they run, and the editors with their scripts.
    """
    from dataclasses import asdict

    from foley_bridge.doctor import examine

    checks = []
    for check in examine(folder):
        checks.append(check)
        if not as_json:
            mark = "ok    " if check.ok else "not ok" if check.needed else "no    "
            print(
                f"{mark}  {check.name}: {check.detail}"
                + (f"\n        what to do: {check.advice}" if not check.ok and check.advice else "")
            )
    well = all(check.ok for check in checks if check.needed)
    if as_json:
        print(json.dumps({"ok": well, "checks": [asdict(check) for check in checks]}, indent=2))
    return 0 if well else 1
