"""What a sound of the library does under a picture, told by its UCS category: lie there evenly, happen once, or be performed.

A recording says whether it holds hits or goes on, not whether the picture moves it: rain does not fall harder where a door
opens, cloth does rustle more where an arm moves. docs/recommend.md has the tables in words.
"""

from __future__ import annotations

from foley_bridge.engines.exemplar import Exemplar
from foley_bridge.library.sound import LibrarySound

BED, EVENT, PERFORMED = "bed", "event", "performed"

SHORTEST_BED_S = 3.0
"""Separate hits of a bed's category that are shorter (a drop, a click of a machine) are an event."""
LONGEST_EVENT_S = 8.0
"""Continuous sound of an event's category that is longer (a dog that barks on and on) is a bed."""


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


def expected(sound: LibrarySound) -> str:
    """BED, EVENT or PERFORMED by category alone; what has none is PERFORMED, as Foley is."""
    if sound.cat_id in _PERFORMED_ELSEWHERE:
        return PERFORMED
    if sound.category in _EVENTS or sound.cat_id in _EVENTS_OF_BEDS:
        return EVENT
    return BED if sound.category in _BEDS else PERFORMED


def heard(sound: LibrarySound, exemplar: Exemplar) -> str:
    """The same, once it was listened to."""
    said = expected(sound)
    length_s = len(exemplar.samples) / exemplar.sample_rate
    if said == BED and exemplar.kind == "hits" and length_s < SHORTEST_BED_S:
        return EVENT
    if said == EVENT and exemplar.kind == "texture" and length_s > LONGEST_EVENT_S:
        return BED
    return said
