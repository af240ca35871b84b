"""Resolve's published scripting API: which object has which function, with how many arguments, from which version on.

Read from the stubs of the newest release (``fusionscript-stubs``); ``NEWER`` says what older releases of the stubs do not have.
"""

from __future__ import annotations

import ast
import functools
import importlib.metadata
from collections.abc import Iterator
from pathlib import Path

Version = tuple[int, ...]

# Read off the stubs' releases 18.1.2, 18.5.0, 18.6.6, 19.0, 19.1, 20.0, 20.2.2 and 21.0, for the objects that host scripts use.
NEWER: dict[Version, dict[str, str]] = {
    (18, 5): {
        "Timeline": "AddTrack DeleteClips DeleteTrack DetectSceneCuts GetIsTrackEnabled GetIsTrackLocked SetClipsLinked "
        "SetTrackEnable SetTrackLock",
        "TimelineItem": "GetClipEnabled SetClipEnabled",
    },
    (19, 0): {
        "MediaPool": "GetSelectedClips SetSelectedClip",
        "MediaPoolItem": "GetAudioMapping GetThirdPartyMetadata SetThirdPartyMetadata",
        "Timeline": "AnalyzeDolbyVision GetNodeGraph GetTrackSubType",
        "TimelineItem": "GetLinkedItems GetSourceAudioChannelMapping GetSourceEndFrame GetSourceEndTime GetSourceStartFrame "
        "GetSourceStartTime GetTrackTypeAndIndex",
    },
    (19, 1): {
        "MediaPoolItem": "ClearMarkInOut GetMarkInOut SetMarkInOut",
        "Timeline": "ClearMarkInOut GetMarkInOut GetMediaPoolItem SetMarkInOut",
    },
    (20, 2, 2): {"MediaPoolItem": "SetName", "TimelineItem": "SetName SetVoiceIsolationState"},
}
# Arguments that the documentation calls optional, though the stubs give them no default: how many a call needs.
FEWEST = {("Timeline", "DeleteClips"): 1, ("Timeline", "AddTrack"): 1, ("MediaPool", "ImportTimelineFromFile"): 1}
SINCE_19 = "subframe_precision"  # an argument, optional too


@functools.cache
def stubs() -> ast.Module:
    """The stubs as installed. (Their folder's name has a hyphen in it, so no import finds it.)"""
    path = importlib.metadata.distribution("fusionscript-stubs").locate_file("fusionscript-stubs/fusionscript.pyi")
    return ast.parse(Path(str(path)).read_text("utf-8"))


@functools.cache
def palette(name: str) -> frozenset[str]:
    """``ClipColor`` or ``MarkerColor``: the names of its colours."""
    values = {ast.unparse(node.targets[0]): node.value for node in stubs().body if isinstance(node, ast.Assign)}
    value = values[name]
    while isinstance(value, ast.Name):
        value = values[value.id]
    return frozenset(str(constant.value) for constant in ast.walk(value) if isinstance(constant, ast.Constant))


@functools.cache
def functions(kind: str, version: Version) -> dict[str, list[tuple[int, float]]]:
    """By name: for each form of the function, the fewest and the most arguments that it takes."""
    newer = {name for first, kinds in NEWER.items() if first > version for name in kinds.get(kind, "").split()}
    found: dict[str, list[tuple[int, float]]] = {}
    for name, arguments in _definitions(kind):
        if name not in newer:
            found.setdefault(name, []).append(_counts(kind, name, arguments, version))
    return found


def _definitions(kind: str) -> Iterator[tuple[str, ast.arguments]]:
    for node in stubs().body:
        if isinstance(node, ast.ClassDef) and node.name == kind:
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield inner.name, inner.args
            return
    raise LookupError(f"the published API has no {kind}")


def _counts(kind: str, name: str, arguments: ast.arguments, version: Version) -> tuple[int, float]:
    given = [argument for argument in arguments.args[1:] if argument.arg != SINCE_19 or version >= (19,)]
    needed = len(given) - len(arguments.defaults)
    while needed and _may_be_left_out(given[needed - 1]):
        needed -= 1
    most = float("inf") if arguments.vararg else len(given)
    return FEWEST.get((kind, name), needed), most


def _may_be_left_out(argument: ast.arg) -> bool:
    kind = ast.unparse(argument.annotation) if argument.annotation else ""
    return argument.arg == SINCE_19 or kind.startswith("Optional[")
