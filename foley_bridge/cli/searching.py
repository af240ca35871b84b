"""``library search``: sounds by words, by what a picture shows, by another sound."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foley_bridge.cli import show
from foley_bridge.cli.asking import Json
from foley_bridge.cli.sounds import Folder, Ucs, opened, print_sounds
from foley_bridge.errors import LibraryError

if TYPE_CHECKING:
    from foley_bridge.jobs.searching import Found, Near
    from foley_bridge.library.catalogue import Catalogue


def search(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WORDS", help="What to look for; in quotes as it stands, -word to leave out. None: all there is."
        ),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Sounds that go with what this movie or image shows.")
    ] = None,
    at: Annotated[float | None, typer.Option(metavar="S", min=0, help="From this second of the movie on.")] = None,
    for_s: Annotated[
        float | None, typer.Option("--for", metavar="S", min=0.001, help="For so many seconds [default: to its end].")
    ] = None,
    like: Annotated[
        str | None, typer.Option(metavar="FILE", help="Sounds like this one: a file, or lib:ID for one of the library.")
    ] = None,
    ucs: Ucs = None,
    length: Annotated[str | None, typer.Option(metavar="A-B", help="Only sounds from A to B seconds: 0.5-4, 2- or -4.")] = None,
    channels: Annotated[int | None, typer.Option(metavar="N", min=1, help="Only sounds of so many channels.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=10_000, help="The best so many.")] = 20,
    library: Folder = None,
    as_json: Json = False,
) -> None:
    """Find sounds by words, a picture or a sound, the best first."""
    from foley_bridge.inference.in_use import encoders_in_use
    from foley_bridge.jobs import searching

    asked = _words(words or ())
    catalogue = opened(library)
    near = _near(picture, at, for_s, like, catalogue)
    conditions = {"ucs": ucs, "length_s": _length(length), "channels": channels, "limit": limit}
    found = searching.search(catalogue, asked, near, encoders_in_use, conditions)
    if as_json:
        print(json.dumps(found.to_json(), indent=2))
    else:
        _print(found, by_words=bool(asked.strip()), near_to=_near_to(picture, like))


def _words(words: Sequence[str]) -> str:
    for word in words:
        if word.startswith("--"):
            raise typer.BadParameter(f"No such option: {word}")
    return " ".join(words)


def _near(picture: Path | None, at: float | None, for_s: float | None, like: str | None, catalogue: Catalogue) -> Near | None:
    """What the sounds are to be near to; None when words say it all."""
    from foley_bridge.jobs import searching

    if picture is not None and like is not None:
        raise typer.BadParameter("--picture and --like exclude each other: give one of them")
    if picture is None and (at is not None or for_s is not None):
        raise typer.BadParameter("--at and --for belong to --picture")
    if not all(math.isfinite(given) for given in (at, for_s) if given is not None):
        raise typer.BadParameter("--at and --for are seconds of the movie, which ends")
    if picture is not None:
        return searching.by_picture(picture, at or 0.0, for_s)
    if like is not None:
        return searching.by_sound(like, catalogue, Path)
    return None


def _length(text: str | None) -> tuple[float | None, float | None]:
    if text is None:
        return None, None
    shortest, dash, longest = text.partition("-")
    try:
        bounds = tuple(float(each) if each.strip() else None for each in (shortest, longest))
    except ValueError:
        bounds = (None, None)
    if not dash or bounds == (None, None):
        raise LibraryError(f"--length {text}: is no range of seconds", "such as 0.5-4, 2- for at least, or -4 for at most")
    return bounds[0], bounds[1]


def _near_to(picture: Path | None, like: str | None) -> str | None:
    """What the column is called that says how near a sound lies."""
    return "picture" if picture is not None else "sound" if like is not None else None


def _print(found: Found, *, by_words: bool, near_to: str | None) -> None:
    if found.hits:
        columns = {"score": [_score(hit.score) for hit in found.hits]} if by_words or near_to else {}
        if near_to:
            columns |= {"words": [_score(hit.words) for hit in found.hits]} if by_words else {}
            columns |= {near_to: [_score(hit.picture) for hit in found.hits]} if by_words else {}
            columns["at"] = ["" if hit.start_s is None else show.duration(hit.start_s) for hit in found.hits]
        print_sounds([hit.sound for hit in found.hits], columns)
    else:
        print(f"nothing found; fewer or other {'conditions' if near_to and not by_words else 'words'} may find more")
    for note in found.notes:
        print(f"note: {note}")


def _score(score: float | None) -> str:
    return "" if score is None else f"{score:.2f}"
