"""Is this machine fit: Python, ONNX Runtime's providers as they really load, codecs, timeline adapters, disk; and what is
there to work with: the daemon and its audition page, the sound library, the editors with their scripts."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from foley_bridge.errors import FoleyError
from foley_bridge.home import library_folder
from foley_bridge.hosts import installed
from foley_bridge.inference import providers

LOW_DISK_BYTES = 2 * 1000**3
DECODERS = ("h264", "hevc", "prores", "dnxhd", "mpeg2video", "vp9", "av1", "aac", "pcm_s24le")
ENCODERS = ("libx264", "aac")
ADAPTERS = {
    "fcp_xml": "otio-fcp-adapter",
    "fcpx_xml": "otio-fcpx-xml-adapter",
    "cmx_3600": "otio-cmx3600-adapter",
    "AAF": "otio-aaf-adapter",
    "rpp": "foley-bridge",
}
PAGE = "audition page"
PAGE_LIBRARIES = ("starlette", "uvicorn")
PAGE_FILES = Path(__file__).parent / "panel" / "static"
PAGES = ("index.html", "reel.html")
_WITHOUT = {"recommendation": "; words find sounds without", "analogy": "; nothing needs one yet"}
_NAMED = re.compile(r'(?:(?:href|src)="(?:\.\./)?static/|(?:from|import) ?"\./)([^"]+)"')
"""A file that a page, or a module of one, cannot do without."""
AGAIN = "install foley-bridge again, from its folder: pip install --force-reinstall ."


@dataclass(frozen=True)
class Check:
    """One line of the doctor's report. ``needed`` is False for what only makes things faster or wider."""

    name: str
    ok: bool
    detail: str
    advice: str = ""
    needed: bool = True


def examine(folder: Path) -> Iterator[Check]:
    """Yield the checks as they are made.

    Args:
        folder: where takes would be written; its disk is looked at.
    """
    yield _python()
    yield from _onnx_runtime()
    yield from _codecs()
    yield _adapters()
    yield _disk(folder)
    yield from _daemon()
    yield _library()
    yield from packs()
    yield from hosts()


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Check("Python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer")


def _onnx_runtime() -> Iterator[Check]:
    if providers.both_runtimes_installed():
        yield Check(
            "ONNX Runtime",
            False,
            "onnxruntime and onnxruntime-gpu are installed over each other",
            "pip uninstall -y onnxruntime onnxruntime-gpu, then install foley-bridge again",
        )
        return
    listed = providers.listed()
    if not listed:
        yield Check(
            "ONNX Runtime",
            False,
            "cannot be imported",
            AGAIN,
        )
        return
    for name in listed:
        found = providers.probe(name)
        cpu = name == "CPUExecutionProvider"
        advice = 'for NVIDIA GPUs: pip install "foley-bridge[cuda]", or [tensorrt]'
        if cpu:
            advice = "pip install --force-reinstall onnxruntime"
        elif found.detail == providers.NO_DRIVER:
            advice = "where there is an NVIDIA GPU, install its driver"
        yield Check(
            name.removesuffix("ExecutionProvider"), found.loads, found.detail, "" if found.loads else advice, needed=cpu
        )


def _codecs() -> Iterator[Check]:
    import av

    yield Check("PyAV", True, f"{av.__version__}, FFmpeg libavcodec {'.'.join(map(str, av.library_versions['libavcodec']))}")
    advice = "install PyAV's own wheel: pip install --force-reinstall --only-binary=:all: av"
    missing = [name for name in DECODERS if not _has_codec(name, "r")]
    yield Check(
        "decoders", not missing, "missing: " + ", ".join(missing) if missing else ", ".join(DECODERS), advice if missing else ""
    )
    missing = [name for name in ENCODERS if not _has_codec(name, "w")]
    yield Check(
        "preview encoders",
        not missing,
        "missing: " + ", ".join(missing) if missing else ", ".join(ENCODERS),
        advice if missing else "",
    )


def _has_codec(name: str, mode: Literal["r", "w"]) -> bool:
    import av

    try:
        av.Codec(name, mode)
    except (av.error.FFmpegError, ValueError):
        return False
    return True


def _adapters() -> Check:
    import opentimelineio as otio

    found = set(otio.adapters.available_adapter_names())
    missing = [package for name, package in ADAPTERS.items() if name not in found]
    advice = f"pip install {' '.join(missing)}" if missing else ""
    return Check(
        "timeline formats",
        not missing,
        ".otio, REAPER, FCP7 XML, FCPX XML, EDL, AAF" if not missing else "some adapters are missing",
        advice,
    )


def _disk(folder: Path) -> Check:
    try:
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        return Check("disk", False, f"{folder}: {error.strerror or error}", "choose a folder that you can write to")
    detail = f"{free / 1000**3:.1f} GB free in {folder}"
    return Check("disk", free >= LOW_DISK_BYTES, detail, "make room: an hour of 48 kHz / 24-bit stereo takes 1.04 GB a take")


def _daemon() -> Iterator[Check]:
    from foley_bridge.bridge.private import running

    advice = "editors need one: foley-bridge serve; commands work without"
    said = None
    try:
        keys = os.environ.get("FOLEY_BRIDGE_KEYS")
        client = running(keys=Path(keys) if keys else None, seat=os.environ.get("FOLEY_BRIDGE_SEAT"))
        if client is None:
            yield Check("daemon", False, "none runs", advice, needed=False)
        else:
            with client:
                said = client.ping()
            yield Check("daemon", True, f"version {said['version']} at {client.endpoint}", needed=False)
    except FoleyError as error:
        yield Check("daemon", False, error.message, error.hint, needed=False)
    yield page(said)


def page(daemon: dict[str, Any] | None) -> Check:
    """Whether the audition page can be served, and where.

    Args:
        daemon: what the one that runs answers to a ping; None when none does.
    """
    from importlib import import_module
    from importlib.metadata import version

    try:
        libraries = [f"{import_module(name).__name__} {version(name)}" for name in PAGE_LIBRARIES]
    except ImportError as error:
        return Check(PAGE, False, f"cannot be served: {error}", AGAIN, needed=False)
    if missing := missing_of_page(PAGE_FILES):
        return Check(PAGE, False, f"{PAGE_FILES} is without {', '.join(missing)}", AGAIN, needed=False)
    if daemon is not None:
        where = daemon["endpoints"].get("panel") or "once somebody asks for it: foley-bridge audition"
    else:
        try:
            where = _place_of_page()
        except FoleyError as error:
            return Check(PAGE, False, error.message, error.hint, needed=False)
    return Check(PAGE, True, f"{where} ({', '.join(libraries)})", needed=False)


def _place_of_page() -> str:
    """Where it will be once a daemon runs that commands start."""
    from foley_bridge.bridge.binding import Binding
    from foley_bridge.bridge.panel_process import default_panel_bind, loopback
    from foley_bridge.bridge.wire import DEFAULT_ENDPOINT

    endpoint = os.environ.get("FOLEY_BRIDGE_ENDPOINT") or DEFAULT_ENDPOINT
    if not Binding.parse(endpoint).is_local:
        return "on the daemon's machine"
    host, port = loopback(default_panel_bind(endpoint))
    if not port:
        return "at a free port"
    with socket.socket() as probe:
        taken = probe.connect_ex((host, port)) == 0
    return f"port {port} is {'taken, so it will be at another' if taken else 'free'}"


def missing_of_page(folder: Path) -> list[str]:
    """The files that the page needs and that are not there: what its HTML names, what those name, and so on.

    Args:
        folder: the page's files.
    """
    missing, seen, todo = [], set(PAGES), list(PAGES)
    while todo:
        name = todo.pop()
        try:
            text = (folder / name).read_text(encoding="utf-8")
        except OSError:
            missing.append(name)
            continue
        named = {(Path(name).parent / other).as_posix() for other in _NAMED.findall(text)} - seen
        seen |= named
        todo += named
    return sorted(missing)


def _library() -> Check:
    from foley_bridge.library.catalogue import Catalogue

    try:
        count = Catalogue.open(library_folder()).count()
    except FoleyError as error:
        return Check("sound library", False, error.message, error.hint, needed=False)
    return Check("sound library", True, f"{count} sounds in {library_folder()}", needed=False)


def packs() -> Iterator[Check]:
    """What serves each task, where that runs, and why not somewhere better."""
    from foley_bridge.inference import where

    try:
        for one in where.serving():
            if one.fault is not None:
                yield Check(f"pack for {one.task}", False, one.fault["message"], one.fault["hint"], needed=False)
            elif one.pack is None:
                advice = "foley-bridge packs add FOLDER" + _WITHOUT.get(one.task, "")
                yield Check(f"pack for {one.task}", False, "none is installed", advice, needed=False)
            else:
                yield Check(f"pack for {one.task}", True, f"{one.pack}: {where.in_words(one.graphs)}", needed=False)
    except FoleyError as error:
        yield Check("packs", False, error.message, error.hint, needed=False)


def hosts() -> Iterator[Check]:
    """The editors of this machine, and their scripts."""
    for state in installed.states():
        advice = f"foley-bridge install-host {state.site.host}"
        if state.site.named:
            advice += f" --into {state.site.root}"
        detail = (
            f"no scripts in {state.site.root}" if state.version is None else f"scripts {state.version} in {state.site.root}"
        )
        detail = "; ".join([detail, *state.faults])
        yield Check(state.site.title, state.version is not None and not state.faults, detail, advice, needed=False)
