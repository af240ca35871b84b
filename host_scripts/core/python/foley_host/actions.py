"""What each menu entry does. Every one ends with a message, except where the user sees or hears at once what was done."""

from __future__ import annotations

from typing import Any, Callable, Dict

from . import audition as page
from . import call, notes, place, plan, run, selftest, takes, task, waiting
from . import text as texts
from .asking import Question
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
    _guarded(host, lambda: takes.step(host, 1))


def previous_take(host: Any) -> None:
    """Let the take before sound."""
    _guarded(host, lambda: takes.step(host, -1))


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
        pending = notes.read(config, project, "pending")
        if pending is None:
            return _waiting(host, config, project)
        fraction, text = call.told(call.progress(config, pending["run"]))
        if pending.get("placing") and notes.looked_after(pending):
            if host.ask(run.CLOSED):
                notes.leave(config, project, "pending", pending)
                run.take_up(host)
        elif notes.looked_after(pending):
            if host.ask(f"{_percent(fraction)}: {text}. Cancel it?"):
                call.cancel(config, pending["run"])
        elif host.ask("Sound asked for earlier was not laid in yet. Go on with it?"):
            run.take_up(host)

    _guarded(host, act)


def _waiting(host: Any, config: Json, project: Json) -> None:
    """The same of what the audition page sends back."""
    note = notes.read(config, project, "waiting")
    if note is None:
        raise HostError("no sound is being made for this project")
    if not notes.looked_after(note):
        waiting.take_up(host)
    elif host.ask("What the audition page sends back is waited for. Stop waiting?"):
        waiting.stop(config, project)


def _percent(fraction: float) -> str:
    return f"{int(100 * fraction)} %"


def place_ready(host: Any) -> None:
    """Place what became ready or was sent back meanwhile; says nothing when there is nothing."""

    def act() -> None:
        noted = notes.read(call.config(host), host.project(), "pending")
        (waiting if noted is None else run).take_up(host)

    _guarded(host, act)


def audition(host: Any) -> None:
    """Open the audition page on the takes laid last; what it sends back is laid in."""
    page.open_page(host)


def apply_choices(host: Any) -> None:
    """Lay in what the audition page sent back last."""
    page.apply_choices(host)


def open_report(host: Any) -> None:
    """Open the page about the takes laid last."""

    def act() -> None:
        last = notes.read(call.config(host), host.project(), "last")
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

    def act() -> Any:
        config = call.config(host)

        def answered(found: Json) -> None:
            host.say(_diagnosis(config, found))

        return Question(host, config, {}, "Asking the doctor", answered, may_start=False).ask("doctor", {})

    task.start(host, act)


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
