"""What each menu entry does. Every one ends with a message, except where the user sees or hears at once what was done."""

from __future__ import annotations

from typing import Any, Callable, Dict

from . import call, place, plan, run, selftest, task
from . import path as paths
from . import text as texts
from .fault import HostError, readable

Json = Dict[str, Any]


def generate(host: Any, which: str) -> None:
    """Generate into regions: "all" of them, or the "selected" ones."""
    run.generate(host, which)


def recommend(host: Any) -> None:
    """Ask for words, write them into the selected regions, and generate there."""

    def act() -> None:
        call.config(host)
        run.saved(host)
        regions = _selected(host, [each for each in host.ranges() if texts.is_region(each["text"])])
        typed = host.ask_text("What should it sound like?", texts.words(regions[0]["text"]))
        if typed is None or not typed.strip():
            return
        new = [(each["id"], _by_words(each["text"], typed)) for each in regions]
        for number, text in new:
            host.write_text(number, text)
        run.generate(host, "selected")

    _guarded(host, act)


def _by_words(text: str, typed: str) -> str:
    """A region's text with other words, which are what is to decide: an example would otherwise come before them."""
    new = texts.with_words(text, typed)
    if texts.option(new, "engine") is not None or texts.option(new, "like") is not None:
        new = texts.with_option(new, "engine", "recommend")
    return new


def next_take(host: Any) -> None:
    """Let the next take sound, in the clips selected or under the cursor; after the last comes the first."""
    _guarded(host, lambda: _other_take(host, 1))


def previous_take(host: Any) -> None:
    """Let the take before sound."""
    _guarded(host, lambda: _other_take(host, -1))


def _other_take(host: Any, step: int) -> None:
    ids = host.chosen_takes()
    before = host.own_tracks()
    clips = [clip for track in before for clip in track["clips"] if clip["ours"] and clip["id"] in ids]
    if not clips:
        raise HostError("no take is selected", "Select a clip on a Foley track, or put the cursor on it.")
    locked = [track for track in before for clip in clips if track["locked"] and clip in track["clips"]]
    if locked:
        raise HostError(f"track '{locked[0]['name']}' is locked", "Unlock it and try again.")
    several = [clip for clip in clips if len(clip["takes"]) > 1]
    if not several:
        raise HostError("this region has one take only", "Write takes=3 into its name and generate again.")
    for clip in several:
        number = (clip["chosen"] - 1 + step) % len(clip["takes"]) + 1
        _choose(host, clip, number)


def _choose(host: Any, clip: Json, number: int) -> None:
    """Let another take sound and make sure of it; if it does not, the former one is to sound again."""
    said = f"{host.name} did not change to take {number} of {plan.described(clip['name'], clip['start'], host.project())}"
    host.choose(clip, number)
    try:
        if _sounds(host, clip, number, clip["takes"][number - 1]):
            return
    except Exception as error:
        said += f": {readable(error)}"
    try:
        for now in _same_clips(host, clip):
            host.choose(now, clip["chosen"])
        back = _sounds(host, clip, clip["chosen"], clip["path"])
    except Exception as error:
        back = False
        said += f"\nTaking it back failed: {readable(error)}"
    if back:
        raise HostError(f"{said}\nThe former take sounds again.")
    hint = f"Look at the clip; take the change back: {host.undo_hint}."
    raise HostError(f"{said}\nThe former take does NOT sound again.", hint)


def _sounds(host: Any, clip: Json, number: int, path: str) -> bool:
    """Whether a take is what sounds in a clip; where the host loses things on saving, also after that."""

    def there() -> bool:
        now = [each for each in _same_clips(host, clip) if each["chosen"] == number]
        return len(now) == 1 and paths.same(now[0]["path"] or "", path or "")

    if there() and place.settles(host):
        host.settle()
    return there()


def _same_clips(host: Any, clip: Json) -> list[Json]:
    """What is there now of a clip: another take may be another clip, in the same place."""
    ours = [each for track in host.own_tracks() for each in track["clips"] if each["ours"]]
    kept = ("region", "key", "start")
    return [each for each in ours if all(each[name] == clip[name] for name in kept)]


def use_as_example(host: Any) -> None:
    """Write the selected clip into the selected regions' text as what they should sound like."""

    def act() -> None:
        clip = host.chosen_clip()
        if not clip or not clip.get("path"):
            raise HostError("no clip with a sound file is selected", "Select the clip that is to be the example.")
        regions = _selected(host, [each for each in host.ranges() if texts.is_region(each["text"])])
        names = [each["name"] for track in host.tracks() for each in track["clips"]]
        # By its name only the part that the clip uses counts; by its path all of the file.
        by_name = names.count(clip["name"]) == 1 and texts.can_be_quoted(clip["name"])
        value = clip["name"] if by_name else clip["path"]
        new = [(each["id"], texts.with_option(each["text"], "like", value)) for each in regions]
        for number, text in new:
            host.write_text(number, text)
        host.say(f"'{value}' is now the example of {place.count(len(new), 'region')}. Generate to hear it.")

    _guarded(host, act)


def clear(host: Any) -> None:
    """Take our clips out of the selected regions."""

    def act() -> None:
        project, before = host.project(), host.own_tracks()
        regions = _selected(host, host.ranges())
        clearing = plan.clearing(before, [each["id"] for each in regions])
        if clearing is None:
            raise HostError("there is no foley in the selected regions", "Select regions that have some.")
        place.lay(host, project, clearing, before)
        host.say(f"{clearing['label']}: {place.count(len(clearing['remove']), 'clip')} taken out. Undo: {host.undo_hint}")

    _guarded(host, act)


def progress(host: Any) -> None:
    """Show the run of this project, and offer to cancel it, or to take it up when nobody waits for it."""

    def act() -> None:
        config, project = call.config(host), host.project()
        pending = call.pending(config, project)
        if pending is None:
            raise HostError("no sound is being made for this project")
        fraction, text = run.told(call.progress(config, pending["run"]))
        if pending.get("placing") and run.looked_after(pending):
            if host.ask(run.CLOSED):
                call.leave(config, project, pending)
                run.take_up(host)
        elif run.looked_after(pending):
            if host.ask(f"{_percent(fraction)}: {text}. Cancel it?"):
                call.cancel(config, pending["run"])
        elif host.ask("Sound asked for earlier was not laid in yet. Go on with it?"):
            run.take_up(host)

    _guarded(host, act)


def _percent(fraction: float) -> str:
    return f"{int(100 * fraction)} %"


def place_ready(host: Any) -> None:
    """Place what became ready meanwhile; says nothing when there is nothing."""
    _guarded(host, lambda: run.take_up(host))


def open_report(host: Any) -> None:
    """Open the page about the takes laid last."""

    def act() -> None:
        last = call.read_json(call.project_file(call.config(host), "last", host.project()))
        if last is None or not last.get("report"):
            raise HostError("nothing was laid into this project yet, so there is no report", "Generate first.")
        if not call.is_file(last["report"]):
            raise HostError(f"{last['report']} is not there any more", "Generate again.")
        host.open(last["report"])

    _guarded(host, act)


def self_test(host: Any) -> None:
    """Place sounds of its own, read them back, take them out again, and write what was seen into a file."""
    _guarded(host, lambda: host.say(selftest.run(host)))


# --- check the bridge ---


def check(host: Any) -> None:
    """Ask foley-bridge's doctor, and say what it found."""
    task.start(host, _Check(host).ask)


class _Check:
    def __init__(self, host: Any) -> None:
        self.host = host
        self.config: Json = {}
        self.name = ""
        self.since = 0

    def ask(self) -> Callable[[], Any]:
        self.config, self.name, self.since = call.config(self.host), call.name(self.host), call.now()
        call.launch(self.host, self.config, self.name, "doctor", {})
        return self.wait

    def wait(self) -> Any:
        reply = call.reply(self.config, self.name)
        if reply is None and call.now() - self.since <= 2 * call.PATIENCE_S:
            self.host.show(0, "Asking the doctor")
            return self.wait
        self.host.show(None, "")
        call.clear(self.config, self.name)
        if reply is None:
            raise call.silent(self.host, self.config)
        if not reply.get("ok"):
            raise call.refused(self.host, reply)
        self.host.say(_diagnosis(self.config, reply["result"]))
        return None


def _diagnosis(config: Json, found: Json) -> str:
    """What the doctor found, what is wrong first."""
    bad = [each for each in found["checks"] if not each["ok"]]
    good = [each for each in found["checks"] if each["ok"]]
    lines = [f"Everything that is needed is there (foley_bridge {config.get('version')})." if found["ok"] else "Not ready yet."]
    for each in bad:
        lines.append(f"- {each['name']}: {each['detail']}{' > ' if each.get('advice') else ''}{each.get('advice') or ''}")
    if good:
        lines.append("Good: " + "; ".join(f"{each['name']}: {each['detail']}" for each in good))
    return "\n".join(lines)


# --- what they share ---


def _selected(host: Any, ranges: list[Json]) -> list[Json]:
    found = [each for each in ranges if each.get("selected")]
    if not found:
        raise HostError("no region is selected", getattr(host, "select_hint", None) or run.SELECT)
    return found


def _guarded(host: Any, act: Callable[[], None]) -> None:
    """Do something; whatever goes wrong is a message."""
    try:
        act()
    except Exception as error:
        host.say(readable(error))
