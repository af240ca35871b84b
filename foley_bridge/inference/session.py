"""A graph that runs: on the best provider that really loads, or the next one, said in one line; quietly, and never spinning."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from foley_bridge.errors import FoleyError, PackError
from foley_bridge.home import home
from foley_bridge.inference import providers as known
from foley_bridge.inference.in_place import Buffer, InPlace, run_bound
from foley_bridge.inference.pack import Graph
from foley_bridge.inference.probing import load_libraries
from foley_bridge.inference.saying import plain
from foley_bridge.inference.stopping import running

if TYPE_CHECKING:
    import onnxruntime

MOST_AT_ONCE = 16
"""Of a batch on a GPU: TensorRT builds its engine for so many."""
THREADS = "FOLEY_BRIDGE_THREADS"
_MOST_THREADS = 256
_FATAL = 4
_NO_MEMORY = ("Failed to allocate memory", "bad_alloc", "bad allocation")  # how ONNX Runtime says it
log = logging.getLogger(__name__)
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class LeftOut:
    """A provider that a graph does not run on, and why."""

    provider: str
    why: str


class Session:
    """A graph, loaded. May be used by several threads.

    Args:
        graph: of an opened pack; its bytes are checked once more as they are read.
        threads: of the CPU; None: ``FOLEY_BRIDGE_THREADS``, or half the cores.
        providers: as ``FOLEY_BRIDGE_PROVIDERS`` says them; None: what that says.
        engines: where TensorRT keeps what it builds; None: under home.

    Raises:
        PackError: the graph is not what the manifest says any more, or runs nowhere.
    """

    def __init__(
        self, graph: Graph, *, threads: int | None = None, providers: str | None = None, engines: Path | None = None
    ) -> None:
        self.graph = graph
        self.threads = threads or default_threads()
        self.left_out: tuple[LeftOut, ...] = ()
        self._engines = engines or home() / "packs" / "engines"
        self._making = threading.Lock()
        self._plan = []
        for provider in known.in_order(providers):
            if provider.loads:
                self._plan.append(provider.name)
            else:
                self.left_out += (LeftOut(provider.name, provider.detail),)
        if not self._plan:
            failed = [each for each in self.left_out if each.why != known.NOT_NAMED]
            why = "; ".join(f"{known.short(each.provider)}: {each.why}" for each in failed)
            raise PackError(f"{graph.path}: it runs nowhere here: {why}", f"let {known.NAMED} name cpu, too")
        self._session = self._made()

    @property
    def providers(self) -> tuple[str, ...]:
        """Those that ONNX Runtime really took, best first."""
        return tuple(self._session.get_providers())

    @property
    def at_once(self) -> int:
        """How large a batch pays off. On a CPU one by one is as fast, takes a thirtieth of the memory, and gives the same to
        the bit whatever else is asked for.
        """
        return 1 if self.providers[0] == known.CPU else MOST_AT_ONCE

    @property
    def device(self) -> str:
        """Where it runs, for people."""
        first = self.providers[0]
        return f"cpu, {self.threads} thread{'' if self.threads == 1 else 's'}" if first == known.CPU else known.short(first)

    def buffer(self, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> Buffer:
        """Memory for ``run_in_place``, where this graph runs."""
        on_cuda = self.providers[0] in (known.ORDER["cuda"], known.ORDER["tensorrt"])
        return Buffer(shape, dtype, "cuda" if on_cuda else "cpu")

    def run(self, given: Arrays) -> dict[str, NDArray[Any]]:
        """Outputs by name. Stops as ``stopping.stoppable`` has it.

        Args:
            given: inputs by name, of the dtypes and shapes of the manifest.

        Raises:
            PackError: the graph fails on every provider.
        """
        return self.run_in_place(given, ())

    def run_in_place(self, given: Arrays, places: Sequence[InPlace]) -> dict[str, NDArray[Any]]:
        """As ``run``; some inputs and outputs lie in memory of the caller's, and those outputs are not in what is returned.

        Once a provider fails, the next one finds in that memory what it left: a graph must not read what it has written over.

        Raises:
            PackError: the graph fails on every provider.
        """
        import onnxruntime

        while True:
            session, options = self._session, onnxruntime.RunOptions()
            try:
                with running(options):
                    if places:
                        return run_bound(session, given, places, options)
                    made = session.run(None, dict(given), options)
                return {tensor.name: array for tensor, array in zip(session.get_outputs(), made, strict=True)}
            except FoleyError:  # somebody stopped it
                raise
            except Exception as error:  # ONNX Runtime's own have no common class
                self._leave_out(session, _first_line(error))

    def prove(self, given: Arrays, wanted: Arrays, within: float) -> None:
        """See that these inputs give these outputs; a provider that computes something else is left out.

        Raises:
            PackError: every provider does.
        """
        while True:
            session, made = self._session, self.run(given)
            worst = max(_distance(made[name], wanted[name]) for name in wanted)
            if worst <= within:
                return
            self._leave_out(
                session, f"what it computes is {worst:.2g} away from what the pack says, at most {within:g} is right"
            )

    def _leave_out(self, failed: onnxruntime.InferenceSession, why: str) -> None:
        """Go on without the best provider, unless another thread has done so already."""
        with self._making:
            if failed is self._session:
                self._drop(why)
                self._session = self._made()

    def _drop(self, why: str) -> None:
        failed = known.short(self._plan[0])
        if len(self._plan) == 1:
            hint = "get the pack again, or use another"
            if any(said in why for said in _NO_MEMORY):
                hint = "there is too little memory: close other programs, or use a smaller pack"
            raise PackError(f"{self.graph.path}: it does not run on {failed}: {why}", hint)
        self.left_out += (LeftOut(self._plan.pop(0), why),)
        log.warning("%s: not on %s but on %s: %s", self.graph.path, failed, known.short(self._plan[0]), why)

    def _made(self) -> onnxruntime.InferenceSession:
        import onnxruntime

        onnxruntime.set_default_logger_severity(_FATAL)  # providers' red lines; what is wrong is raised
        onnxruntime.disable_telemetry_events()  # on Windows it would tell its maker
        while True:
            try:
                return self._session_on(self._plan)
            except PackError:
                raise
            except Exception as error:
                self._drop(_first_line(error))

    def _session_on(self, plan: list[str]) -> onnxruntime.InferenceSession:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = _FATAL
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.enable_mem_pattern = known.ORDER["directml"] not in plan  # which takes no such plans
        options.use_deterministic_compute = True
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        options.add_session_config_entry("session.load_model_format", "ONNX")  # and nothing that it might guess
        outside = self.graph.read_external()
        if outside:
            if not hasattr(options, "add_external_initializers_from_files_in_memory"):
                raise PackError(
                    f"{self.graph.path}: this ONNX Runtime takes no weights in files of their own", "update onnxruntime"
                )
            options.add_external_initializers_from_files_in_memory(
                list(outside), list(outside.values()), [len(each) for each in outside.values()]
            )
        for name in plan:
            load_libraries(name)
        with_options = [(name, self._options(name)) for name in plan]
        session = onnxruntime.InferenceSession(self.graph.read(), options, with_options, enable_fallback=0)
        if plan[0] not in session.get_providers():
            raise RuntimeError(f"ONNX Runtime took {', '.join(map(known.short, session.get_providers()))} instead")
        return session

    def _options(self, provider: str) -> dict[str, str]:
        """Of a provider: results near the CPU's, and no more memory than needed."""
        if provider == known.ORDER["cuda"]:
            return {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"}
        return tensorrt_options(self.graph, self._engines) if provider == known.ORDER["tensorrt"] else {}


def tensorrt_options(graph: Graph, engines: Path) -> dict[str, str]:
    """Engines are built once for a graph and a GPU, and kept; where the batch alone is free, for every size that is used.

    Args:
        graph: to be built.
        engines: folder of all engines; this one's is made.
    """
    folder = engines / graph.sha256 / known.gpu()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not any(folder.iterdir()):
        log.info("%s: TensorRT builds its engine, once for this GPU and driver; that takes a while", graph.path)
    options = {
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(folder),
        "trt_fp16_enable": "1" if graph.precision == "fp16" else "0",
    }
    if not {size for tensor in graph.inputs for size in tensor.shape if isinstance(size, str)} <= {"batch"}:
        return options  # of other free axes nobody can say beforehand how long they will be
    for what, batch in (("min", 1), ("opt", MOST_AT_ONCE), ("max", MOST_AT_ONCE)):
        sizes = (
            f"{tensor.name}:" + "x".join(str(batch if isinstance(size, str) else size) for size in tensor.shape)
            for tensor in graph.inputs
        )
        options[f"trt_profile_{what}_shapes"] = ",".join(sizes)
    return options


def default_threads() -> int:
    """``FOLEY_BRIDGE_THREADS``, or half the cores that this process may use, at least one.

    Raises:
        PackError: the variable is no number of threads.
    """
    text = os.environ.get(THREADS, "").strip()
    if not text:
        cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
        return max(1, cores // 2)
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MOST_THREADS):
        raise PackError(f"{THREADS}={text[:40]}: is no number of threads", f"a whole number from 1 to {_MOST_THREADS}")
    return int(text)


def _distance(made: NDArray[Any], wanted: NDArray[Any]) -> float:
    """The largest difference; infinite when the shapes differ or a number is none."""
    if made.shape != wanted.shape:
        return float("inf")
    apart = np.abs(made.astype(np.float64) - wanted)
    return float(apart.max(initial=0.0)) if np.isfinite(apart).all() else float("inf")


def _first_line(error: Exception) -> str:
    return plain((str(error).strip().splitlines() or [type(error).__name__])[0][:300])
