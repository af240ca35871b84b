"""What a sound does under a picture, told by its UCS category: lie there evenly, happen once, or be performed.

A recording says whether it holds hits or goes on, not whether the picture moves it: rain does not fall harder where a door
opens, cloth does rustle more where an arm moves. docs/recommend.md has the tables in words.
"""

from __future__ import annotations

import functools

from foley_bridge.engines.exemplar import Exemplar
from foley_bridge.errors import TimelineError
from foley_bridge.library import ucs
from foley_bridge.library.sound import LibrarySound

BED, EVENT, PERFORMED = "bed", "event", "performed"

SHORTEST_BED_S, FEWEST_HITS, LONG_BED_S = 3.0, 6, 20.0
"""Separate hits of a bed's category are a bed all the same (crickets, a clock) when they are many and not over soon, or when
the recording is long; else (a drop, one roll of thunder) they are an event."""
LONGEST_EVENT_S = 8.0
"""Continuous sound that is longer is a bed where its category says that it happens once (a dog that barks on and on), or does
not go on at all (rain that is filed under impacts)."""


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(","))


_BEDS = _names(
    "AIR, AIRCRAFT, ALARMS, AMBIENCE, BOATS, CLOCKS, COMMUNICATIONS, COMPUTERS, CROWDS, ELECTRICITY, FIRE, GEOTHERMAL, "
    "MACHINES, MOTORS, NATURAL DISASTER, RAIN, TRAINS, VEHICLES, WATER, WEATHER, WIND"
)
_EVENTS = _names(
    "ANIMALS, ARCHIVED, BEEPS, BELLS, BIRDS, BULLETS, CARTOON, CREATURES, DESIGNED, DESTRUCTION, EXPLOSIONS, FARTS, "
    "FIREWORKS, GAMES, GUNS, HORNS, HUMAN, LASERS, MAGIC, MUSICAL, SCIFI, SWOOSHES, USER INTERFACE, VOICES, WHISTLES"
)
_EVENTS_OF_BEDS = _names(
    "AERODoor, AIRBrst, BOATDoor, BOATHorn, CLOCKChim, COMCam, CRWDReac, ELECArc, ELECSprk, ELECZap, FIREBrst, FIREIgn, "
    "FIREWhsh, THUN, TRNClak, TRNDoor, TRNHorn, VEHBrake, VEHBy, VEHDoor, VEHHorn, VEHSkid, VEHWndw, WATRDrip, WATRImpt, "
    "WATRSplsh"
)
_PERFORMED_ELSEWHERE = _names("BOATRow, CMPTKey, COMType, GUNHndl, GUNMech, MUSCShake, WATRMvmt, WATRPour")


_DO_NOT_GO_ON = _names("IMPACT, BREAK, CRASH & DEBRIS")  # subcategories


def category_of(sound: LibrarySound, words: str, asked: str | None) -> str:
    """The CatID that tells what a sound does for a region: its own, unless that was only guessed and the region says more.

    Args:
        sound: of the library.
        words: the region's.
        asked: the region's ``ucs=``.
    """
    if sound.cat_id and sound.cat_from != "guess":
        return sound.cat_id
    said = asked or ucs.guess(words)
    return said if said != ucs.DEFAULT else sound.cat_id


def expected(cat_id: str) -> str:
    """BED, EVENT or PERFORMED by category alone; what has none is PERFORMED, as Foley is."""
    category = _category(cat_id)
    if category is None or category.cat_id in _PERFORMED_ELSEWHERE:
        return PERFORMED
    if category.category in _EVENTS or category.cat_id in _EVENTS_OF_BEDS:
        return EVENT
    return BED if category.category in _BEDS else PERFORMED


def heard(cat_id: str, exemplar: Exemplar) -> str:
    """The same, once the sound was listened to."""
    said, category = expected(cat_id), _category(cat_id)
    length_s = len(exemplar.samples) / exemplar.sample_rate
    if said == BED and exemplar.kind == "hits":
        many = length_s >= SHORTEST_BED_S and len(exemplar.hits) >= FEWEST_HITS
        return BED if many or length_s >= LONG_BED_S else EVENT
    if exemplar.kind == "texture" and length_s > LONGEST_EVENT_S:
        return BED if said == EVENT or category is None or category.subcategory in _DO_NOT_GO_ON else said
    return said


@functools.cache
def _category(cat_id: str) -> ucs.UcsCategory | None:
    try:
        return ucs.category(cat_id) if cat_id else None
    except TimelineError:
        return None
