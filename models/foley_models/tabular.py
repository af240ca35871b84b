"""Tables of text, for people (aligned) and for documents (Markdown)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        title: a sentence above it.
        headings: of the columns.
        rows: of texts; those of ``numbers`` are aligned to the right.
        numbers: which columns.
    """

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()

    def text(self) -> str:
        """Aligned columns."""
        lines = [self.headings, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.headings))]
        said = [
            "  ".join(
                cell.rjust(width) if column in self.numbers else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        return "\n".join([self.title, "", said[0], "  ".join("-" * width for width in widths), *said[1:]])

    def markdown(self) -> str:
        """GitHub's form."""
        marks = ["---:" if column in self.numbers else "---" for column in range(len(self.headings))]
        lines = [self.headings, marks, *self.rows]
        said = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
        return "\n".join([f"**{self.title}**", "", *said])
