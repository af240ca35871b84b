"""How long a host waits for ``foley-call``: a ping from the start of the process to the reply file, in fresh processes.

Beside it, in the same run: Python alone, Python with ZeroMQ imported, and the least script that asks the same over ZeroMQ (one
request, one reply, no file, no check of anything). The daemon's own answer to a client that is already connected is the floor.

    python benchmarks/call.py
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from foley_bridge.bridge.client import Client

BARE = """
import sys, zmq
socket = zmq.Context().socket(zmq.DEALER)
socket.linger = 0
socket.connect(sys.argv[1])
socket.send(b'{"foley_bridge": 1, "id": "1", "method": "ping"}')
socket.recv_multipart()
"""


def measure(rounds: int, folder: Path) -> dict[str, list[float]]:
    """Milliseconds of each way, a round of all of them after the other, so that a busy machine is busy for all."""
    home = folder / "home"
    line = [sys.executable, "-m", "foley_bridge", "serve", "--private", "--no-osc", "--bind", "tcp://127.0.0.1:0"]
    daemon = subprocess.Popen(
        [*line, "--home", str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert daemon.stdout is not None and daemon.stdin is not None
    try:
        endpoint = json.loads(daemon.stdout.readline())["endpoints"]["requests"]
        request, reply = folder / "request.json", folder / "reply.json"
        request.write_text('{"foley_bridge": 1, "id": "1", "method": "ping"}')
        script = shutil.which("foley-call", path=str(Path(sys.executable).parent))
        call = [script] if script else [sys.executable, "-m", "foley_bridge.bridge.call"]
        with Client(endpoint) as client:

            def connected() -> None:
                client.ping()

            ways: dict[str, Callable[[], object]] = {
                "python -c pass": lambda: run([sys.executable, "-c", "pass"]),
                "python -c 'import zmq'": lambda: run([sys.executable, "-c", "import zmq"]),
                "bare zmq round trip": lambda: run([sys.executable, "-c", BARE, endpoint]),
                "foley-call ping": lambda: run([*call, str(request), str(reply), "--endpoint", endpoint]),
                "connected client's ping": connected,
            }
            taken: dict[str, list[float]] = {name: [] for name in ways}
            time.sleep(5)  # the daemon's worker loads its libraries meanwhile
            for _ in range(rounds):
                for name, way in ways.items():
                    begun = time.perf_counter()
                    way()
                    taken[name].append(1000 * (time.perf_counter() - begun))
        assert json.loads(reply.read_text())["ok"] is True
        return taken
    finally:
        daemon.stdin.close()
        daemon.wait(30)


def run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        taken = measure(options.rounds, Path(folder))
    bare = statistics.median(taken["bare zmq round trip"])
    rows = [
        {
            "way": name,
            "median_ms": round(statistics.median(times), 2),
            "fastest_ms": round(min(times), 2),
            "times_bare": round(statistics.median(times) / bare, 3),
        }
        for name, times in taken.items()
    ]
    if options.json:
        print(json.dumps({"rounds": options.rounds, "rows": rows}, indent=2))
        return
    print(f"{'':26}{'median ms':>10}{'fastest':>10}{'x bare':>9}")
    for row in rows:
        print(f"{row['way']:26}{row['median_ms']:10.2f}{row['fastest_ms']:10.2f}{row['times_bare']:9.3f}")


if __name__ == "__main__":
    main()
