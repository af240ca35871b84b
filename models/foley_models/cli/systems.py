"""``foley-models systems``: which networks there are."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

HEADINGS = ("system", "encoder", "head", "loss", "batch")


def systems(as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False) -> None:
    """List the systems that can be trained, and how large they are."""
    import torch

    from foley_models.recommendation.systems import FINETUNED_FROM, SIZES, SYSTEMS, Recommender, system

    said = []
    with torch.device("meta"):
        for name, config in SYSTEMS.items():
            sizes = {size: sum(p.numel() for p in Recommender(system(name, size)).parameters()) for size in SIZES}
            said.append({**config.to_json(), "paper": "recommendation", "from": FINETUNED_FROM.get(name), "weights": sizes})
    if as_json:
        print(json.dumps({"systems": said}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(show_edge=False, pad_edge=False)
    for heading in HEADINGS:
        table.add_column(heading, no_wrap=True)
    for size in SIZES:
        table.add_column(size, justify="right")
    for each in said:
        name = each["name"] + (f" (--from {each['from']})" if each["from"] else "")
        weights = [f"{count:,}" for count in each["weights"].values()]
        table.add_row(name, each["encoder"], each["head"], each["loss"], str(each["batch"]), *weights)
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    console.print(f"On the right: weights, by --size {', '.join(SIZES)}.")
