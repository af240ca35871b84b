"""The model developer's side: metrics, and the papers' networks, losses, data sets, training and evaluation.

Imports from ``foley_bridge`` only ``inference.features``, ``stage``, ``media`` and ``timeline``; PyTorch comes with the extra
``models``.
"""
