"""The table of segments in an object store: written, indexed and read over S3's protocol, from a server of one's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import numpy as np
import pytest
from ports import free_ports

from foley_bridge.library import nearest, segments
from foley_bridge.library.segments import Held, Notes, Segments

SERVER = os.environ.get("MOTO_SERVER") or shutil.which("moto_server")


@pytest.fixture
def storage() -> Iterator[dict[str, str]]:
    """LanceDB's options for a server with an empty bucket ``sounds``."""
    if SERVER is None:
        pytest.skip("no moto_server (pip install 'moto[server]'; MOTO_SERVER names one elsewhere)")
    port = free_ports()
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen([SERVER, "-H", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL) as server:
        try:
            _bucket(f"{address}/sounds")
            yield {
                "aws_access_key_id": "none",
                "aws_secret_access_key": "none",
                "aws_region": "us-east-1",
                "aws_endpoint": address,
                "allow_http": "true",
            }
        finally:
            server.terminate()


def _bucket(address: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(address, method="PUT")):
                return
        except urllib.error.HTTPError:
            raise
        except OSError:
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.1)


def test_the_same_table_lies_in_an_object_store(storage: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "INDEX_FROM", 1000)
    monkeypatch.setattr(nearest, "READ_UP_TO", 100)
    made = np.random.default_rng(1).normal(size=(2000, 128)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    there = Segments("s3://sounds/library", "5ace", storage)
    assert not there.table.there()
    contents = np.arange(2000) // 4
    there.put(contents[:1000], np.zeros(1000, np.float32), made[:1000])
    there.put(contents[1000:], np.zeros(1000, np.float32), made[1000:])
    there.index(Notes())
    there.drop([7])
    reader = Segments("s3://sounds/library", "5ace", storage)
    assert sorted(reader.contents()) == sorted(set(contents) - {7})

    def ask(held: Held) -> list[int]:
        found = nearest.nearest(held, made[[28, 400, 1999]], np.ones(len(held.contents), bool), 2)
        return sorted(int(held.contents[held.code[each.place]]) for each in found if each.distance < 1e-6)

    assert reader.table.on_newest(ask) == [100, 499]  # 28 is of the content that was dropped
    monkeypatch.setattr(nearest, "EXACT_UP_TO", 0)
    assert reader.table.on_newest(ask) == [100, 499]
    there.put(np.array([7]), np.zeros(1, np.float32), made[28:29])
    assert reader.table.on_newest(lambda held: len(held)) == 1997
