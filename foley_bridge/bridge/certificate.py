"""One key out of a ZeroMQ certificate file. Used at both ends, also by ``foley-call``, which must start at once."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Literal

from zmq.utils import z85

from foley_bridge.errors import BridgeError

_LARGEST_FILE = 4096  # bytes
_LINE = re.compile(r"\s*(public-key|secret-key)\s*=\s*[\"']?([^\"'\s]+)[\"']?\s*")


def read_key(path: Path, wanted: Literal["public-key", "secret-key"], hint: str = "") -> bytes:
    """A key of a certificate file, as 40 characters of Z85 that really are a key.

    Args:
        hint: what to do when there is none.

    Raises:
        BridgeError: the file cannot be read, or has no such key.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_FILE).decode("utf-8", "replace")
    except (OSError, ValueError) as error:
        raise BridgeError(f"{path}: the key cannot be read: {getattr(error, 'strerror', None) or error}", hint) from None
    found = {match[1]: match[2] for line in text.splitlines() if (match := _LINE.fullmatch(line))}
    key = found.get(wanted, "")
    try:
        if len(z85.decode(key)) == 32:
            return key.encode("ascii")
    except (KeyError, ValueError, struct.error):
        pass
    raise BridgeError(f"{path}: the {wanted} is missing in it", hint)
