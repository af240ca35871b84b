"""The recommend engine: sounds of the library that a region's words name and its picture suggests, laid where it acts.

The choice is made for a whole reel at once (``pick``); each cue then listens to what it chose and lays it, a take per sound.
How a sound is laid is told by what it is (``behaviour``) and by what the picture shows; docs/recommend.md has it in a table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from foley_bridge.conform import Cut
from foley_bridge.engines import behaviour, transfer
from foley_bridge.engines.arrange import arrange, fit_notes, take_seed
from foley_bridge.engines.bed import bed_candidate
from foley_bridge.engines.candidate import Candidate, Detection, Onset, Proposal
from foley_bridge.engines.exemplar import Exemplar
from foley_bridge.engines.hits import Palette, palette
from foley_bridge.engines.oneshot import lay_once, performances, whole
from foley_bridge.engines.pick import Ask, Choice, ask, pick, wants_ranked
from foley_bridge.engines.transfer import Listen, PaletteOf
from foley_bridge.errors import Cancelled, EngineError, FoleyError, MediaError
from foley_bridge.timeline.options import Options
from foley_bridge.timeline.regions import Region

__all__ = ["Ask", "Choice", "ask", "listen_to", "pick", "propose", "wants_ranked"]

SHORTEST_HEARD_S, LONGEST_HEARD_S = 30.0, 180.0
"""Of a recording longer than the region needs, a stretch between these lengths is listened to, from its middle."""
UNSEEN = 0.5
"""The confidence of a one-shot that starts with its region because the picture does not say where."""

_MOST_PASSED_OVER = 3  # named one by one


# --- listening ---------------------------------------------------------------------------------------------------------------


def listen_to(
    choices: Sequence[Choice], *, takes: int, length_s: float, sample_rate: int, listen: Listen = transfer.listen
) -> tuple[list[tuple[Choice, Exemplar]], tuple[str, ...]]:
    """Load what a cue chose. A sound that cannot be used gives way to the next one.

    Args:
        choices: of ``pick``.
        takes: how many are wanted.
        length_s: of the region.
        sample_rate: Hz to work at.
        listen: loads and analyses a sound.

    Returns:
        One pair per take, and a note for each sound passed over. Fewer sounds than takes come round again.

    Raises:
        EngineError: none can be used; names the first and why.
    """
    heard: list[tuple[Choice, Exemplar]] = []
    passed_over: list[str] = []
    for choice in choices:
        if len(heard) == takes:
            break
        try:
            heard.append((choice, _listen(choice, length_s, sample_rate, listen)))
        except Cancelled:
            raise
        except FoleyError as error:
            passed_over.append(f"{choice.sound.name} was passed over: {error.message}")
    if not heard:
        raise EngineError(
            f"none of the {len(choices)} sounds that fit can be used; {passed_over[0] if passed_over else 'there are none'}",
            "put their drive or folder back, or bring the library up to date with foley-bridge library add",
        )
    if len(passed_over) > _MOST_PASSED_OVER:
        more = len(passed_over) - _MOST_PASSED_OVER
        passed_over[_MOST_PASSED_OVER:] = [f"{more} more sounds were passed over"]
    return [heard[take % len(heard)] for take in range(takes)], tuple(passed_over)


def _listen(choice: Choice, length_s: float, sample_rate: int, listen: Listen) -> Exemplar:
    """From the first of a sound's files that can be read."""
    start, duration = _stretch(choice.sound.duration_s, length_s)
    fault: FoleyError = MediaError("no file holds it any more")
    for text in choice.sound.paths:
        try:
            return listen(Path(text), sample_rate=sample_rate, start=start, duration=duration)
        except Cancelled:
            raise
        except FoleyError as error:
            fault = error
    raise fault


def _stretch(duration_s: float, region_s: float) -> tuple[Fraction, Fraction | None]:
    """Start and duration of what is listened to, seconds."""
    wanted = min(LONGEST_HEARD_S, max(SHORTEST_HEARD_S, 2 * region_s))
    if duration_s <= wanted + 1:
        return Fraction(0), None
    return Fraction(round((duration_s - wanted) / 2)), Fraction(round(wanted))


# --- laying ------------------------------------------------------------------------------------------------------------------


def propose(
    region: Region,
    options: Options,
    detection: Detection,
    choices: Sequence[tuple[Choice, Exemplar]],
    *,
    cut: Cut,
    palette_of: PaletteOf = palette,
    looked_with: Mapping[str, str] | None = None,
) -> Proposal:
    """One take per choice, in their order.

    A sound that comes again is varied by seed: its n-th take has ``take_seed(seed, n)``, so that ``pin=`` of a take's sound and
    ``seed=`` of the take ask for this very take.

    Args:
        region: where sound is asked for.
        options: settled; ``seed`` and ``retime`` must be set.
        detection: of ``transfer.look``.
        choices: from ``listen_to``.
        cut: the stretch of timeline that the takes' sound covers.
        palette_of: makes a sound ready for placing.
        looked_with: what a take's source says of who looked at the picture, where that had a say.
    """
    assert options.seed is not None
    layer = _Layer(region, options, detection, cut, palette_of, looked_with or {})
    came: Counter[str] = Counter()
    candidates = []
    for choice, exemplar in choices:
        candidates.append(layer.lay(choice, exemplar, take_seed(options.seed, came[choice.sound.id])))
        came[choice.sound.id] += 1
    return Proposal(layer.detection, tuple(candidates), tuple(dict.fromkeys(layer.notes)))


class _Layer:
    """Lays sounds under one region, whose picture has been looked at."""

    def __init__(
        self,
        region: Region,
        options: Options,
        detection: Detection,
        cut: Cut,
        palette_of: PaletteOf,
        looked_with: Mapping[str, str],
    ) -> None:
        self._looked_with = looked_with
        self.region, self.options, self.detection, self.cut, self._palette_of = region, options, detection, cut, palette_of
        self.notes: list[str] = []
        self._palettes: dict[str, Palette] = {}

    def lay(self, choice: Choice, exemplar: Exemplar, seed: int) -> Candidate:
        """One take."""
        self.notes += exemplar.notes
        candidate = self._laid(choice, exemplar, seed)
        return replace(candidate, score=candidate.score * choice.score, source=self._source(choice, exemplar))

    def _laid(self, choice: Choice, exemplar: Exemplar, seed: int) -> Candidate:
        as_it_is = self.options.retime is False
        start, end = self.cut.file_start, self.cut.file_end
        kind = behaviour.heard(choice.cat_id, exemplar)
        goes_on = exemplar.kind == "texture"
        if kind == behaviour.BED or (kind == behaviour.PERFORMED and goes_on and as_it_is):
            return bed_candidate(exemplar, seed=seed, start=start, end=end)
        seen = self.detection.onsets if self.detection.reliable else ()
        if goes_on and kind == behaviour.PERFORMED:
            if not seen:
                self._unsure("what goes on follows the motion")
            return self._arranged(choice, exemplar, seed)
        # Sound that goes on is laid once, at the first action seen; who taps several times wants it as often.
        if len(seen) > 1 and not as_it_is and (self.detection.tapped or not goes_on):
            one = replace(exemplar, kind="hits", hits=(whole(exemplar),)) if goes_on else exemplar
            return self._arranged(choice, one, seed)
        if not seen:
            self._unsure("one-shots start with the region")
        onset = seen[0] if seen else Onset(float(self.region.start), UNSEEN)
        stretches = [whole(exemplar)] if as_it_is or goes_on else performances(exemplar)
        return lay_once(exemplar, stretches, onset, seed=seed, start=start, end=end, vary=not as_it_is)

    def _arranged(self, choice: Choice, exemplar: Exemplar, seed: int) -> Candidate:
        """Over all onsets, or with the motion, as an example of ``transfer``."""
        if choice.sound.id not in self._palettes:
            self._palettes[choice.sound.id] = self._palette_of(exemplar)
        sounds = self._palettes[choice.sound.id]
        self.notes += fit_notes(self.detection, sounds)
        return arrange(
            self.detection,
            sounds,
            seed=seed,
            start=self.cut.file_start,
            end=self.cut.file_end,
            region_start=self.region.start,
            region_end=self.region.end,
        )

    def _unsure(self, what: str) -> None:
        self.notes.append(f"no reliable onsets: {self.detection.reason}; {what}")

    def _source(self, choice: Choice, exemplar: Exemplar) -> dict[str, str]:
        sound = choice.sound
        said = {
            "file": exemplar.name,
            "library_id": sound.id,
            "cat_id": sound.cat_id,
            "creator": sound.creator,
            "licence": sound.licence,
            "url": sound.url,
            "words_score": "" if choice.words is None else f"{choice.words:.3f}",
        }
        if choice.picture is not None:
            said |= {"picture_score": f"{choice.picture:.3f}", **self._looked_with}
        return {name: text for name, text in said.items() if text}
