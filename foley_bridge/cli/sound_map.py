"""``library map``: the library as a picture, to look at in a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foley_bridge.cli import show
from foley_bridge.cli.asking import Json
from foley_bridge.cli.sounds import Folder, opened
from foley_bridge.errors import LibraryError, MediaError

if TYPE_CHECKING:
    from foley_bridge.library.mapping.sound_map import SoundMap

_PAGES, _PICTURES = (".html", ".htm"), (".png",)


def sound_map(
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to: .html, to look around in, or .png.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, max=2**32 - 1, help="Another one gives another picture.")] = 0,
    library: Folder = None,
    as_json: Json = False,
) -> None:
    """Draw the embedded library as a map: like sounds together. Coloured by UCS category; Ctrl-C leaves nothing."""
    from foley_bridge.home import home
    from foley_bridge.inference.encoders import TASK
    from foley_bridge.inference.installed import Installed
    from foley_bridge.library.mapping.sound_map import make

    _check(out, as_json)
    pack = Installed(home()).serving(TASK)
    if pack is None:
        raise LibraryError("no pack in use knows what sounds are like", "foley-bridge packs add FOLDER adds one")
    catalogue = opened(library)
    with show.Bar(hidden=as_json) as bar:
        made = make(catalogue, pack.space, str(pack.id), seed=seed, on_progress=bar.update)
        if out is not None:
            _write(out, made)
    if as_json:
        print(json.dumps({"out": None if out is None else str(out.absolute()), **made.to_json()}, indent=2))
        return
    found = made.clustering
    print(f"{len(made.sounds)} of {made.total} sounds are on the map of {made.pack}")
    if made.laid_out < len(made.sounds):
        print(f"{made.laid_out} of them, drawn by lot, were laid out; the others were put among them")
    if found.share is not None and found.chance is not None:
        print(f"{found.share:.0%} of the {found.nearest} nearest to a sound have its category; by chance {found.chance:.1%}")
    show.files({"map": str(out)})


def _check(out: Path | None, as_json: bool) -> None:
    """What would be wrong after all the work is said before it."""
    if out is None:
        if as_json:
            return
        raise LibraryError("where the map goes is not said", "--out map.html, or --json to print its points")
    if out.suffix.lower() not in (*_PAGES, *_PICTURES):
        raise LibraryError(f"{out}: a map is an HTML page or a PNG picture", "let --out end with .html or .png")
    if not out.absolute().parent.is_dir():
        raise MediaError(f"{out}: there is no folder {out.absolute().parent}", "make it first, or choose another")
    if out.is_dir():
        raise MediaError(f"{out}: is a folder", "choose another name")


def _write(out: Path, made: SoundMap) -> None:
    if out.suffix.lower() in _PICTURES:
        from foley_bridge.library.mapping.drawing import write_picture

        write_picture(out, made)
    else:
        from foley_bridge.library.mapping.page import write_page

        write_page(out, made)
