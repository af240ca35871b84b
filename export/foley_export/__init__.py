"""Graphs on their way from code or checkpoint to what the runtime loads, each with a proof beside it."""
