"""Memory that a graph reads as an input, and may write as an output, where it runs: nothing is copied between runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

if TYPE_CHECKING:
    import onnxruntime


class Buffer:
    """Memory that graphs read and write in place, on the device where they run. Begins as zeros.

    Args:
        shape, dtype: of what lies in it.
        device: as ONNX Runtime calls it, ``cpu`` or ``cuda``.
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike = np.float32, device: str = "cpu") -> None:
        import onnxruntime

        self._array: NDArray[Any] | None = np.zeros(shape, dtype)
        self.value = onnxruntime.OrtValue.ortvalue_from_numpy(self._array, device, 0)
        if device != "cpu":  # else it is the array's own memory
            self._array = None

    def read(self) -> NDArray[Any]:
        """What lies in it; on the CPU the memory itself."""
        made: NDArray[Any] = self.value.numpy() if self._array is None else self._array
        return made

    def write(self, array: NDArray[Any]) -> None:
        """Put there what has its shape and dtype."""
        if self._array is None:
            self.value.update_inplace(np.ascontiguousarray(array))
        elif array is not self._array:
            self._array[...] = array


@dataclass(frozen=True)
class InPlace:
    """Memory that a graph reads as one of its inputs, and may write as one of its outputs.

    Attributes:
        past, present: their names; without the second it is only read.
        buffer: where it lies; where it is written, it holds the output after a run.
    """

    past: str
    present: str | None
    buffer: Buffer


def run_bound(
    session: onnxruntime.InferenceSession,
    given: Mapping[str, NDArray[Any]],
    places: Sequence[InPlace],
    options: onnxruntime.RunOptions | None = None,
) -> dict[str, NDArray[Any]]:
    """Outputs by name, but for those that lie in memory of the caller's."""
    binding = session.io_binding()
    for name, array in given.items():
        binding.bind_cpu_input(name, np.ascontiguousarray(array))
    for place in places:
        binding.bind_ortvalue_input(place.past, place.buffer.value)
        if place.present is not None:
            binding.bind_ortvalue_output(place.present, place.buffer.value)
    written = {place.present for place in places if place.present is not None}
    others = [tensor.name for tensor in session.get_outputs() if tensor.name not in written]
    for name in others:
        binding.bind_output(name)
    session.run_with_iobinding(binding, options)
    made = binding.get_outputs()
    return {name: array.numpy() for name, array in zip(others, made[len(written) :], strict=True)}
