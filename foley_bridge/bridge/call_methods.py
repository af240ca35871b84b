"""What ``foley-call`` answers itself, without asking a daemon: ``start`` starts one, ``doctor`` looks at this machine."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from foley_bridge.bridge import wire
from foley_bridge.bridge.starting import HIDDEN, command, environment, start
from foley_bridge.errors import BridgeError, RequestError

DOCTOR_S = 300.0
MOST_FOLDERS = 64
_SEE = "see docs/protocol.md, foley-call"
_KNOWN = {"start": {"allow"}, "doctor": set[str]()}


def answer(request: dict[str, Any], *, endpoint: str | None, keys: Path | None, seat: str | None) -> dict[str, Any]:
    """The reply's header.

    Raises:
        RequestError: the request is not one of these.
        BridgeError: it cannot be done.
    """
    method = request["method"]
    request_id, params = request.get("id"), request.get("params", {})
    if request.keys() - {"foley_bridge", "id", "method", "params"}:
        raise RequestError("there are unknown fields in the request", _SEE)
    if (
        not isinstance(request_id, str)
        or type(request.get("foley_bridge")) is not int
        or request["foley_bridge"] != wire.VERSION
    ):
        raise RequestError(f"foley_bridge must be {wire.VERSION}, and id a string", _SEE)
    if not isinstance(params, dict) or params.keys() - _KNOWN[method]:
        raise RequestError(f"params: {method} takes {', '.join(_KNOWN[method]) or 'none'}", _SEE)
    if method == "start":
        allow = _folders(params.get("allow", []))
        return wire.reply(request_id, start(allow, endpoint=endpoint, keys=keys, seat=seat))
    return wire.reply(request_id, doctor(endpoint, keys, seat))


def doctor(endpoint: str | None, keys: Path | None, seat: str | None) -> dict[str, Any]:
    """What ``foley-bridge doctor --json`` prints, asked about the daemon at an endpoint.

    Raises:
        BridgeError: it does not come to an end.
    """
    hint = "run foley-bridge doctor in a terminal"
    about = {"ENDPOINT": endpoint, "KEYS": keys, "SEAT": seat}
    who = {f"FOLEY_BRIDGE_{name}": str(value) for name, value in about.items() if value}
    try:
        done = subprocess.run(
            command("doctor", "--json", "--folder", str(Path.home())),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DOCTOR_S,
            check=False,
            env=environment() | who,
            **HIDDEN,
        )
        return dict(json.loads(done.stdout))
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BridgeError(f"foley-bridge doctor does not answer: {error}", hint) from error
    except (ValueError, TypeError) as error:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise BridgeError(f"foley-bridge doctor failed: {''.join(said) or 'it said nothing'}", hint) from error


def _folders(allow: object) -> list[Path]:
    if not isinstance(allow, list) or len(allow) > MOST_FOLDERS or not all(isinstance(folder, str) for folder in allow):
        raise RequestError(f"params.allow: must be a list of up to {MOST_FOLDERS} folders", _SEE)
    folders = [Path(folder) for folder in allow]
    for folder in folders:
        try:
            there = folder.is_absolute() and ".." not in folder.parts and folder.is_dir()
        except (OSError, ValueError):
            there = False
        if not there:
            raise RequestError(f"params.allow: {folder} is no folder that is there", "give the whole path of a folder")
    return folders
