"""Round trip of a ``ping`` through the daemon, as a multiple of what a bare ZeroMQ echo takes.

    python benchmarks/bridge.py [--rounds 20] [--requests 200] [--keys] [--json]

Paired and alternating in one run: a round asks the daemon, then the echo, each from a DEALER socket over loopback, one request
after another. The echo is a process that gives frames back through a ROUTER socket and does nothing else. ``--keys`` asks with
CURVE keys at both. Medians and 99th percentiles are over all requests, the ratio is the median over rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import zmq

from foley_bridge.bridge import wire
from foley_bridge.bridge.keys import make_keys

DAEMON = """
import sys
from pathlib import Path
from foley_bridge.bridge.daemon import DaemonSettings, run_daemon
home, keys = Path(sys.argv[1]), sys.argv[2]
sys.exit(run_daemon(DaemonSettings(home=home, bind="tcp://127.0.0.1:0", keys=Path(keys) if keys else None, private=True)))
"""
ECHO = """
import json, sys, zmq
from pathlib import Path
from foley_bridge.bridge.keys import server_pair
router = zmq.Context().socket(zmq.ROUTER)
if sys.argv[1]:
    pair = server_pair(Path(sys.argv[1]))
    router.curve_server, router.curve_publickey, router.curve_secretkey = 1, pair.public, pair.secret
router.bind("tcp://127.0.0.1:0")
print(json.dumps({"endpoints": {"requests": router.getsockopt(zmq.LAST_ENDPOINT).rstrip(b"\\0").decode()}}), flush=True)
while True:
    router.send_multipart(router.recv_multipart())
"""


@contextlib.contextmanager
def running(code: str, *args: str) -> Iterator[str]:
    """A process that says where it listens; ended with the block."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["endpoints"]["requests"]
    finally:
        process.terminate()
        process.wait(20)


def seat_of(folder: str) -> dict[str, bytes]:
    """The client's side of the keys, as options of a socket; empty without."""
    if not folder:
        return {}
    public, secret = (line.split('"')[1].encode() for line in Path(folder, "bench.key_secret").read_text().splitlines()[-2:])
    server = Path(folder, "server.key").read_text().splitlines()[-1].split('"')[1].encode()
    return {"curve_publickey": public, "curve_secretkey": secret, "curve_serverkey": server}


def connected(context: zmq.Context, endpoint: str, seat: dict[str, bytes]) -> zmq.Socket:
    """A DEALER socket."""
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    for name, value in seat.items():
        setattr(socket, name, value)
    socket.connect(endpoint)
    return socket


def round_trips(socket: zmq.Socket, requests: int) -> list[float]:
    """Milliseconds from sending a ping to having read its reply."""
    frames = wire.encode(wire.request("benchmark", "ping"))
    taken = []
    for _ in range(requests):
        begin = time.perf_counter()
        socket.send_multipart(frames)
        socket.recv_multipart()
        taken.append((time.perf_counter() - begin) * 1000)
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--requests", type=int, default=200, help="a round, of each")
    parser.add_argument("--keys", action="store_true", help="with CURVE")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, zmq.Context() as context:
        keys = ""
        if args.keys:
            keys = f"{folder}/keys"
            make_keys(Path(keys), ["bench"])
        with running(DAEMON, f"{folder}/home", keys) as daemon, running(ECHO, keys) as echo:
            sockets = {name: connected(context, where, seat_of(keys)) for name, where in (("daemon", daemon), ("echo", echo))}
            for socket in sockets.values():
                round_trips(socket, args.requests)  # warm
            taken: dict[str, list[list[float]]] = {"daemon": [], "echo": []}
            for _ in range(args.rounds):
                for name, socket in sockets.items():
                    taken[name].append(round_trips(socket, args.requests))
            for socket in sockets.values():
                socket.close()
    ratios = [statistics.median(a) / statistics.median(b) for a, b in zip(taken["daemon"], taken["echo"], strict=True)]
    figures: dict[str, float] = {"ratio": round(statistics.median(ratios), 2)}
    for name, rounds in taken.items():
        every = sorted(one for each in rounds for one in each)
        figures[f"{name}_median_ms"] = round(statistics.median(every), 3)
        figures[f"{name}_p99_ms"] = round(every[int(len(every) * 0.99)], 3)
    if args.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:20}{value}")


if __name__ == "__main__":
    main()
