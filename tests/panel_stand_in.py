"""A panel that misbehaves, for the tests of how the daemon keeps one: ``python panel_stand_in.py FOLDER WAY...``.

The first time it does what the first way says, the next time the second, and so on; after the last it is well. How often it was
begun it counts in FOLDER/begun, and its process ids it writes there, too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def main() -> None:
    folder, ways = Path(sys.argv[1]), sys.argv[2:]
    with (folder / "begun").open("a") as file:
        file.write(f"{os.getpid()}\n")
    times = len((folder / "begun").read_text().split())
    way = ways[times - 1] if times <= len(ways) else "well"
    told = json.loads(sys.stdin.readline())
    (folder / "told").write_text(json.dumps(told))
    if way == "dies":
        sys.exit(3)
    if way == "fails":
        say({"say": "failed", "message": "no port is to be had", "hint": "end something"})
        sys.exit(1)
    if way == "babbles":
        print("hello", flush=True)
        time.sleep(600)
    if way == "late":
        while not (folder / "go").exists():
            time.sleep(0.02)
    if way == "talks":
        print(f"2026-01-01 00:00:00.000+00:00  error    /{told['token']}/ went wrong", file=sys.stderr)
        print(f"2026-01-01 00:00:00.000+00:00  info     asked for /{told['token']}/", file=sys.stderr)
        print(f"anything, {told['token']}", file=sys.stderr, flush=True)
    if way == "has children":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdin=subprocess.DEVNULL)
        (folder / "child").write_text(str(child.pid))
    say({"say": "listening", "port": told["port"] or 5580})
    if way == "dies young":
        sys.exit(4)
    if way == "stays":  # whatever becomes of its input
        time.sleep(600)
    sys.stdin.read()


def say(said: dict[str, object]) -> None:
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
