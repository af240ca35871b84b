"""What the doctor says of the audition page: where it will be, and which of its files an installation is without."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest
from ports import free_ports

from foley_bridge import doctor

SHIPPED = [
    place.relative_to(doctor.PAGE_FILES).as_posix()
    for place in sorted(doctor.PAGE_FILES.rglob("*"))
    if place.suffix in (".html", ".css", ".js", ".svg")
]


def test_the_page_has_all_of_its_files_and_none_that_it_does_not_use(tmp_path: Path) -> None:
    assert doctor.missing_of_page(doctor.PAGE_FILES) == []
    assert "vendor/wavesurfer/wavesurfer.esm.js" in SHIPPED
    for name in SHIPPED:
        folder = tmp_path / "static"
        shutil.copytree(doctor.PAGE_FILES, folder)
        (folder / name).unlink()
        assert doctor.missing_of_page(folder) == [name]
        shutil.rmtree(folder)
    assert doctor.missing_of_page(tmp_path / "static") == sorted(doctor.PAGES)


def test_the_page_will_be_three_ports_above_where_commands_look_for_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    first = free_ports(4)
    monkeypatch.setenv("FOLEY_BRIDGE_ENDPOINT", f"tcp://127.0.0.1:{first}")
    check = doctor.page(None)
    assert check.ok and check.detail.startswith(f"port {first + 3} is free")
    with socket.create_server(("127.0.0.1", first + 3)):
        check = doctor.page(None)
    assert check.ok and check.detail.startswith(f"port {first + 3} is taken")


def test_a_page_on_another_machine_has_no_port_here_and_what_is_no_address_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLEY_BRIDGE_ENDPOINT", "tcp://192.0.2.7:5577")
    assert doctor.page(None).detail.startswith("on the daemon's machine")
    monkeypatch.setenv("FOLEY_BRIDGE_ENDPOINT", "studio")
    check = doctor.page(None)
    assert not check.ok and not check.needed and "studio" in check.detail and check.advice


def test_a_running_daemon_tells_where_its_page_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.page({"endpoints": {"panel": "http://127.0.0.1:5580"}}).detail.startswith("http://127.0.0.1:5580")
    assert "foley-bridge audition" in doctor.page({"endpoints": {"panel": None}}).detail
