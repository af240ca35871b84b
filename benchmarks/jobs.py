"""Jobs a second, memory over many jobs, how soon a cancelled job is gone: a processor with one worker, as a daemon holds it.

    python benchmarks/jobs.py [--jobs 1000] [--warm-up 500] [--cancels 5] [--json]

The job is as small as a real one may be: a timeline of one shot, one region of half a second with a tapped hit, one take. A
child process holds the processor, so that its memory is a daemon's and not this script's. Memory is the median resident size
over the last tenth of the warm-up against that over the last tenth of all jobs; the aim is a growth under 2 % over 10 000 jobs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

RATE = 25
WINDOW = 50  # jobs that wait at any time
SAMPLED = 10  # jobs from one look at the memory to the next


def make_request(folder: Path) -> dict[str, Any]:
    """Media, a timeline, and what to submit."""
    import av
    import numpy as np
    import opentimelineio as otio
    import soundfile

    with av.open(str(folder / "shot.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 96, 72, "yuv420p"
        for number in range(RATE):
            image = np.full((72, 96, 3), 5 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image)))
        container.mux(stream.encode(None))
    n = np.arange(24000)
    soundfile.write(folder / "hit.wav", (0.7 * np.exp(-n / 960) * np.cos(0.12 * n)).astype(np.float32), 48000, subtype="PCM_24")

    def span(start: int, duration: int) -> otio.opentime.TimeRange:
        return otio.opentime.TimeRange(otio.opentime.RationalTime(start, RATE), otio.opentime.RationalTime(duration, RATE))

    media = otio.schema.ExternalReference(str(folder / "shot.mp4"), span(0, RATE))
    timeline = otio.schema.Timeline("cut")
    timeline.tracks.append(otio.schema.Track("V1", [otio.schema.Clip("shot", media, span(0, RATE))], kind="Video"))
    marks = [otio.schema.Marker("FOLEY thing", span(0, 12)), otio.schema.Marker("HIT", span(5, 1))]
    timeline.tracks.markers.extend(marks)
    otio.adapters.write_to_file(timeline, str(folder / "cut.otio"))
    return {
        "kind": "generate",
        "timeline": {"path": str(folder / "cut.otio")},
        "out": str(folder / "out" / "foley.otio"),
        "media_dir": str(folder / "out"),
        "exemplar": str(folder / "hit.wav"),
        "options": {"takes": "1"},
    }


class Daemon:
    """The processor, and what is measured of it; runs in the child."""

    def __init__(self, folder: Path) -> None:
        import psutil

        from foley_bridge.bridge.places import JOURNAL_FILE
        from foley_bridge.jobs.events import Event
        from foley_bridge.jobs.journal import ENDED, Journal
        from foley_bridge.jobs.processor import Processor
        from foley_bridge.jobs.roots import Roots

        self.request = json.loads((folder / "request.json").read_text("utf-8"))
        self.ended = threading.Semaphore(0)
        self.entered = threading.Semaphore(0)

        def heard(event: Event) -> None:
            if event.kind == "state" and event.view.record.state in ENDED:
                self.ended.release()
            elif event.kind == "step" and event.view.record.step == "region 1":
                self.entered.release()

        self.journal = Journal(folder / JOURNAL_FILE)
        self.processor = Processor(self.journal, home=folder, roots=Roots(), on_event=heard)
        self.processor.start()
        self.process = psutil.Process()

    def memory_mb(self) -> list[float]:
        """Resident size of the daemon and of its worker, which is another from time to time."""
        sizes_mb = [process.memory_info().rss / 1e6 for process in (self.process, *self.process.children())]
        return [size_mb for size_mb in sizes_mb if size_mb > 0]

    def work(self, jobs: int, warm_up: int) -> dict[str, Any]:
        """Many jobs, each with its own key."""
        samples: list[list[float]] = []
        began_s = 0.0
        for number in range(jobs + WINDOW):
            if number < jobs:
                self.processor.submit({**self.request, "key": f"job {number}"})
            if number >= WINDOW:
                self.ended.acquire()
                if number % SAMPLED == 0:  # few, because they lie in the memory that is measured
                    samples.append(self.memory_mb())
            if number == warm_up + WINDOW:
                began_s = time.monotonic()
        took_s = time.monotonic() - began_s
        failed = [view.record for view in self.processor.jobs(("failed", "cancelled"), limit=1)]
        assert not failed, failed
        samples = [each for each in samples if len(each) == 2]  # a worker may just be making way for another
        first, last = samples[int(0.9 * warm_up / SAMPLED) : warm_up // SAMPLED], samples[int(0.9 * jobs / SAMPLED) :]
        before, after = ([round(statistics.median(each), 1) for each in zip(*some, strict=True)] for some in (first, last))
        return {
            "jobs": jobs,
            "jobs_per_s": round((jobs - warm_up) / took_s, 2),
            "daemon_mb": [before[0], after[0]],
            "worker_mb": [before[1], after[1]],
            "growth_percent": round(100 * (sum(after) / sum(before) - 1), 2),
            "steps_ms": self.steps_ms(),
        }

    def steps_ms(self) -> dict[str, float]:
        """How long the newest jobs were in each step, median."""
        times: dict[str, list[float]] = defaultdict(list)
        for view in self.processor.jobs(("done",), limit=100):
            steps = self.journal.steps(view.record.id)
            begun_s = view.record.started_s or 0.0
            for (at_s, name), (next_s, _) in zip([(begun_s, "start"), *steps[1:]], steps[1:], strict=False):
                times[name].append(1000 * (next_s - at_s))
        return {name: round(statistics.median(each), 1) for name, each in times.items()}

    def cancels_ms(self, times: int) -> dict[str, float]:
        """A job of many takes, cancelled in the middle: until the answer, and until nothing of it is left."""
        answered, gone = [], []
        while self.entered.acquire(blocking=False):
            pass
        for _ in range(times):
            job = self.processor.submit({**self.request, "options": {"takes": "64"}}).record.id
            self.entered.acquire()
            asked_s = time.monotonic()
            self.processor.cancel(job)
            answered.append(time.monotonic() - asked_s)
            self.ended.acquire()
            gone.append(time.monotonic() - asked_s)
        return {"answered": round(1000 * max(answered), 1), "gone": round(1000 * max(gone), 1)}


def main() -> None:
    """Make the media, run the child, print what it found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--warm-up", type=int, default=500)
    parser.add_argument("--cancels", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        daemon = Daemon(args.inside)
        found = daemon.work(args.jobs, min(args.warm_up, args.jobs // 2))
        found["cancel_worst_ms"] = daemon.cancels_ms(args.cancels) if args.cancels else None
        daemon.processor.stop()
        print(json.dumps(found))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "request.json").write_text(json.dumps(make_request(folder)))
        command = [
            sys.executable,
            __file__,
            "--inside",
            name,
            "--jobs",
            args.jobs,
            "--warm-up",
            args.warm_up,
            "--cancels",
            args.cancels,
        ]
        done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    print(json.dumps(found) if args.json else "\n".join(f"{key:16} {value}" for key, value in found.items()))


if __name__ == "__main__":
    main()
