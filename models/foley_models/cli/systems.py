"""``foley-models systems``: which networks there are."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from torch import nn

HEADINGS = ("system", "encoder", "head", "loss", "batch")


def systems(as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False) -> None:
    """List the systems that can be trained, the parts of Foley by analogy, and how large they are."""
    recommending, parts = _recommendation(), _analogy()
    if as_json:
        print(json.dumps({"systems": recommending, "parts": parts}))
        return
    from rich.console import Console
    from rich.table import Table

    from foley_models.recommendation.systems import SIZES

    console = Console(width=None if sys.stdout.isatty() else 120)
    table = Table(*HEADINGS, show_edge=False, pad_edge=False)
    for size in SIZES:
        table.add_column(size, justify="right")
    for each in recommending:
        name = each["name"] + (f" (--from {each['from']})" if each["from"] else "")
        table.add_row(name, each["encoder"], each["head"], each["loss"], str(each["batch"]), *_counts(each))
    console.print(table)
    console.print(f"On the right: weights, by --size {', '.join(SIZES)}.\n")
    table = Table("part", "its own options", "runs that it may need", show_edge=False, pad_edge=False)
    for size in ("paper", "mini"):
        table.add_column(size, justify="right")
    for each in parts:
        options = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in each["options"].items())
        table.add_row(
            each["name"], options, ", ".join(f"--{name} {part}" for name, part in each["runs"].items()), *_counts(each)
        )
    console.print(table)
    console.print("foley-models train analogy PART; options with what they are where they are not given.")


def _counts(each: Mapping[str, Any]) -> list[str]:
    return [f"{count:,}" for count in each["weights"].values()]


def _recommendation() -> list[dict[str, Any]]:
    import torch

    from foley_models.recommendation.systems import FINETUNED_FROM, SIZES, SYSTEMS, Recommender, system

    said = []
    with torch.device("meta"):
        for name, config in SYSTEMS.items():
            sizes = {size: weights(Recommender(system(name, size))) for size in SIZES}
            said.append({**config.to_json(), "paper": "recommendation", "from": FINETUNED_FROM.get(name), "weights": sizes})
    return said


def _analogy() -> list[dict[str, Any]]:
    import torch

    from foley_models.analogy.checkpoint import network_of_size
    from foley_models.analogy.training import PARTS, PICTURES, module_of

    said = []
    with torch.device("meta"):
        for part in PARTS:
            module = module_of(part)
            sizes = {size: weights(network_of_size(part, size)) for size in PICTURES}
            said.append(
                {"name": part, "paper": "analogy", "options": module.OPTIONS, "runs": dict(module.RUNS), "weights": sizes}
            )
    return said


def weights(network: nn.Module) -> int:
    """How many a network has."""
    return sum(each.numel() for each in network.parameters())
