"""The map as one HTML file that needs nothing else: it looks for nothing on the network, and its policy forbids it to.

Names of sounds are whatever files are called. They come as data, in which no character can end the element they lie in, and
the script shows them as text. The page carries no clock: the same map gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from foley_bridge.library.mapping.colours import NONE, colours
from foley_bridge.library.mapping.sound_map import SoundMap
from foley_bridge.media.whole_file import whole_file


def write_page(path: Path, made: SoundMap) -> None:
    """Write the page, whole or not at all.

    Raises:
        MediaError: it cannot be written.
    """
    style, script = _text("page.css"), _text("page.js")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    html = environment.from_string(_text("page.html.j2")).render(
        map=made,
        shown=len(made.sounds),
        filed=sum(kind.sounds for kind in made.clustering.kinds),
        clustering=made.clustering,
        style=Markup(style),
        style_hash=_hash(style),
        script=Markup(script),
        script_hash=_hash(script),
        data=_as_data(_data(made)),
    )
    with whole_file(path) as temporary:
        temporary.write_bytes(html.encode("utf-8", "replace"))


def _data(made: SoundMap) -> dict[str, Any]:
    """What the script draws: the sounds' fields as columns, each kind of sound once."""
    kinds = sorted({(told.cat_id, told.category, told.subcategory) for told in made.sounds})
    kind_at = {kind: place for place, kind in enumerate(kinds)}
    sizes = [(kind.category, kind.sounds, kind.share, kind.chance) for kind in made.clustering.kinds]
    filed = sum(kind.sounds for kind in made.clustering.kinds)
    if filed < len(made.sounds):
        sizes.append(("", len(made.sounds) - filed, None, 0.0))
    palette = dict(zip((size[0] for size in sizes if size[0]), colours(len(sizes)), strict=False))
    category_at = {size[0]: place for place, size in enumerate(sizes)}
    return {
        "categories": [
            {"name": name, "sounds": sounds, "share": share, "chance": chance, "colours": palette.get(name, NONE)}
            for name, sounds, share, chance in sizes
        ],
        "kinds": [{"catId": cat_id, "category": category_at[name], "sub": sub} for cat_id, name, sub in kinds],
        "names": [[category_at[each.category], round(each.x, 4), round(each.y, 4), each.sounds] for each in made.names],
        "id": [told.id for told in made.sounds],
        "name": [told.name for told in made.sounds],
        "kind": [kind_at[told.cat_id, told.category, told.subcategory] for told in made.sounds],
        "guessed": "".join("1" if told.guessed else "0" for told in made.sounds),
        "seconds": [round(told.duration_s, 2) for told in made.sounds],
        "x": made.placed[:, 0].tolist(),
        "y": made.placed[:, 1].tolist(),
    }


def _as_data(value: dict[str, Any]) -> Markup:
    """JSON that is safe inside a script element: ASCII, and without the characters that markup is made of."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")
