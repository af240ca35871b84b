"""Peak memory of ``generate`` by region length: a child process per length, its highest resident size from the system.

    python benchmarks/memory.py [--minutes 1,20,60] [--outputs] [--json]

The picture is small (160x90, 12 fps) and long: ten drawn seconds, repeated by copying their packets. One take, an example of
separate hits. ``--outputs`` adds a preview and a report. The aim is a peak at most 1.2 times that of one minute.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile

RATE = 12
LOOP_S = 10
SIZE = (160, 90)


def draw_loop(path: Path) -> None:
    """Ten seconds in which something heavy falls and is lifted again every 1.25 s, over noise that does not stand still."""
    rng = np.random.default_rng(1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "28", "preset": "veryfast", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.gop_size = RATE * LOOP_S
        for number in range(RATE * LOOP_S):
            image = rng.integers(100, 104, (SIZE[1], SIZE[0], 3), np.uint8)
            phase = number % 15
            fall = min(1.0, phase / 5) ** 2 if phase < 8 else 0.5 + 0.5 * float(np.cos(np.pi * (phase - 8) / 6))
            top = int(5 + fall * 55)
            image[top : top + 20, 60:100] = (200, 180, 40)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image)))
        container.mux(stream.encode(None))


def repeat(loop: Path, path: Path, minutes: float) -> None:
    """Copy the loop's packets end to end."""
    times = round(minutes * 60 / LOOP_S)
    with av.open(str(loop)) as source, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        stream.time_base = Fraction(1, RATE)
        packets = [(bytes(packet), packet.is_keyframe) for packet in source.demux(video=0) if packet.size]
        for number in range(times * len(packets)):
            content, key = packets[number % len(packets)]
            packet = av.Packet(content)
            packet.stream, packet.time_base = stream, Fraction(1, RATE)
            packet.pts = packet.dts = number
            packet.duration = 1
            packet.is_keyframe = key
            container.mux(packet)


def strike(path: Path) -> None:
    """An example of two hits."""
    n = np.arange(48000)
    hit = 0.6 * np.exp(-n / 4000) * np.cos(n / 9)
    soundfile.write(path, np.concatenate([np.zeros(4800), hit, 0.8 * hit]), 48000, subtype="PCM_24")


def measure(minutes: float, folder: Path, outputs: bool) -> dict[str, float]:
    """Run one length; seconds of wall time and peak MB of the child (its own children apart)."""
    loop, shot, example = folder / "loop.mp4", folder / f"{minutes:g}.mp4", folder / "hit.wav"
    if not loop.exists():
        draw_loop(loop)
        strike(example)
    if not shot.exists():
        repeat(loop, shot, minutes)
    out = folder / f"out {minutes:g}"
    asked = {"timeline": str(shot), "out": str(out / "foley.otio"), "media_dir": str(out / "media"), "exemplar": str(example)}
    if outputs:
        asked |= {"preview": str(out / "p.mp4"), "report": str(out / "r.html")}
    command = [sys.executable, __file__, "--child", json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"generate failed: {done.stdout}{done.stderr}")
    answer = json.loads(done.stderr.splitlines()[-1])
    region = json.loads(done.stdout)["regions"][0]
    return {"minutes": minutes, **answer, "onsets": len(region["onsets"])}


def _child(asked: dict[str, str]) -> None:
    """Do the job in this process, whose memory is the measure."""
    import time

    from foley_bridge.jobs.generate import generate
    from foley_bridge.jobs.request import GenerateRequest

    begun = time.perf_counter()
    paths = {name: Path(path) for name, path in asked.items()}
    result = generate(GenerateRequest(**paths, options={"takes": "1", "sensitivity": "1"}))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    print(json.dumps(result.to_json()))
    print(json.dumps({"peak_mb": round(peak, 1), "seconds": round(time.perf_counter() - begun, 1)}), file=sys.stderr)


def compare(lengths: list[float], *, outputs: bool = False) -> list[dict[str, float]]:
    """A row per length, with its peak as a multiple of the first one's."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(minutes, Path(folder), outputs) for minutes in lengths]
    for row in rows:
        row["times_first"] = round(row["peak_mb"] / rows[0]["peak_mb"], 3)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", default="1,20,60")
    parser.add_argument("--outputs", action="store_true", help="with a preview and a report")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = compare([float(part) for part in options.minutes.split(",")], outputs=options.outputs)
    if options.json:
        print(json.dumps({"outputs": options.outputs, "rows": rows}, indent=2))
        return
    print(f"{'minutes':>8}{'peak MB':>10}{'x first':>9}{'seconds':>9}{'onsets':>8}")
    for row in rows:
        print(f"{row['minutes']:8g}{row['peak_mb']:10.1f}{row['times_first']:9.3f}{row['seconds']:9.1f}{row['onsets']:8g}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(json.loads(sys.argv[2]))
    else:
        main()
