"""The page of a study: one HTML file beside its clips, which asks nothing of the network."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources

import jinja2

from foley_models.analogy.study.key import Key

QUESTIONS = {
    "synchronised": "In which result is the audio better synchronized with the actions in the video?",
    "material": "In which result is the sound most like that of the object or material in the conditional example?",
}
"""The paper's two, in its order, by the names that answers have in a CSV."""
COLUMNS = ("study", "participant", "set", "practice", "example", "left", "right", *QUESTIONS)


def page(key: Key) -> str:
    """The page's text. Of each pair it knows the base's clip and the others', by names that say nothing."""
    pairs = [
        {"example": pair.example, "base": pair.clips[key.base], "others": [pair.clips[name] for name in key.alternatives]}
        for pair in key.pairs
    ]
    study = {
        "id": key.id,
        "sets": key.sets,
        "practice": key.practice,
        "columns": COLUMNS,
        "questions": list(QUESTIONS),
        "pairs": pairs,
    }
    script = _text("page.js")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_text("page.html.j2")).render(
        study=json.dumps(study),
        sets=key.sets,
        practice=key.practice,
        questions=QUESTIONS,
        style=_text("page.css"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
    )


def _text(name: str) -> str:
    return (resources.files("foley_models.analogy.study") / name).read_text("utf-8")
