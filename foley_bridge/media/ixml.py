"""iXML text for a take (iXML specification 2.10), with Sony's ASWG-G006 1.1 extension and where the sound came from.

iXML repeats what ``bext`` says, because some editors trust one and some the other: both are made from the same `Bext` here.
UCS fields and the mark "made by a machine" live in ``<ASWG>``, whose element names are ASWG-G006's; what only foley_bridge
knows (engine, seed, source, scores) lives in ``<FOLEY_BRIDGE>``, beside the other makers' elements under the root.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from xml.etree import ElementTree

from foley_bridge.errors import MediaError
from foley_bridge.media.broadcast_wav import Bext

VERSION = "2.10"
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_]")


@dataclass(frozen=True)
class Aswg:
    """Fields of ASWG-G006, named there in camelCase (``cat_id`` is ``catId``). None is left out.

    Attributes:
        content_type: "sfx", "music", "dialog", "haptic", "impulse" or "mixed".
        state: "mastered", "processed", "raw" or "placeholder".
        is_generated: holds sound made by a machine.
        is_designed: designed sound, not a raw recording.
        channel_config: "mono", "stereo", "5.1", ...
        category, sub_category, cat_id, user_category, vendor_category, fx_name, library, creator_id, source_id: as in UCS.
        loudness: integrated, LUFS. max_peak: dBFS.
        usage_rights: under which licence it may be used.
    """

    content_type: str | None = "sfx"
    project: str | None = None
    originator: str | None = None
    originator_studio: str | None = None
    notes: str | None = None
    session: str | None = None
    state: str | None = None
    editor: str | None = None
    is_generated: bool | None = None
    origination_date: str | None = None
    channel_config: str | None = None
    is_designed: bool | None = None
    category: str | None = None
    sub_category: str | None = None
    cat_id: str | None = None
    user_category: str | None = None
    vendor_category: str | None = None
    fx_name: str | None = None
    library: str | None = None
    creator_id: str | None = None
    source_id: str | None = None
    loudness: float | None = None
    max_peak: float | None = None
    usage_rights: str | None = None
    rights_owner: str | None = None
    is_loop: bool | None = None


@dataclass(frozen=True)
class IxmlFields:
    """What a take's iXML says.

    Attributes:
        bext: the same that goes into the file's ``bext`` chunk.
        sample_rate: Hz. bit_depth: as written.
        rate: the timeline's frames per second. drop: its timecode is drop-frame.
        tracks: one name per channel.
        project, scene, tape, take, note: free text; empty is left out. circled: the take that was chosen.
        uid: names this file for ever; the same for the same take.
        aswg: UCS and usage fields.
        provenance: what made it: names (letters, digits, ``_``) and texts, written in the order given.
    """

    bext: Bext
    sample_rate: int
    bit_depth: int
    rate: Fraction
    drop: bool = False
    tracks: tuple[str, ...] = ("",)
    project: str = ""
    scene: str = ""
    tape: str = ""
    take: str = ""
    note: str = ""
    circled: bool = False
    uid: str = ""
    aswg: Aswg = Aswg()
    provenance: Mapping[str, str] = field(default_factory=dict)


def build_ixml(fields: IxmlFields) -> str:
    """The iXML document, the same text for the same fields. Characters that XML forbids are left out."""
    root = ElementTree.Element("BWFXML")
    _put(root, "IXML_VERSION", VERSION)
    for name in ("project", "scene", "tape", "take"):
        if getattr(fields, name):
            _put(root, name.upper(), getattr(fields, name))
    _put(root, "CIRCLED", _truth(fields.circled))
    if fields.uid:
        _put(root, "FILE_UID", fields.uid)
    if fields.note:
        _put(root, "NOTE", fields.note)
    _speed(root, fields)
    tracks = ElementTree.SubElement(root, "TRACK_LIST")
    _put(tracks, "TRACK_COUNT", str(len(fields.tracks)))
    for number, name in enumerate(fields.tracks, 1):
        track = ElementTree.SubElement(tracks, "TRACK")
        _put(track, "CHANNEL_INDEX", str(number))
        _put(track, "INTERLEAVE_INDEX", str(number))
        _put(track, "NAME", name)
    _bext(root, fields.bext)
    _aswg(root, fields.aswg)
    if fields.provenance:
        made = ElementTree.SubElement(root, "FOLEY_BRIDGE")
        for name, text in fields.provenance.items():
            _put(made, _NOT_IN_A_NAME.sub("_", name).upper(), text)
    return _document(root)


def amend_ixml(
    text: str,
    *,
    bext: Bext,
    uid: str,
    note: str,
    loudness: float | None,
    max_peak: float | None,
    facts: Mapping[str, str],
) -> str:
    """A document of ``build_ixml``'s for a file that was made from another: everything that the other's said, and

    Args:
        text: the other file's.
        bext: the new file's, which the document repeats.
        uid: the new file's name for ever.
        note: what was done, for a person; it follows a note that is there.
        loudness, max_peak: the new file's.
        facts: what was done, for programs: added to the provenance.

    Raises:
        MediaError: not such a document.
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise MediaError(f"iXML cannot be read: {error}") from error
    _set(root, "FILE_UID", uid)
    noted = root.findtext("NOTE")
    _set(root, "NOTE", f"{noted}; {note}" if noted else note)
    _within(root, "BEXT").clear()
    _bext(root, bext)
    aswg = _within(root, "ASWG")
    for name, level in (("loudness", loudness), ("maxPeak", max_peak)):
        if level is not None:
            _set(aswg, name, f"{level:.2f}")
        elif (measured := aswg.find(name)) is not None:
            aswg.remove(measured)
    made = _within(root, "FOLEY_BRIDGE")
    for name, value in facts.items():
        _set(made, _NOT_IN_A_NAME.sub("_", name).upper(), value)
    return _document(root)


def _document(root: ElementTree.Element) -> str:
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _within(parent: ElementTree.Element, name: str) -> ElementTree.Element:
    found = parent.find(name)
    return ElementTree.SubElement(parent, name) if found is None else found


def _set(parent: ElementTree.Element, name: str, text: str) -> None:
    _within(parent, name).text = _ILLEGAL.sub("", text)


def _speed(root: ElementTree.Element, fields: IxmlFields) -> None:
    rate = f"{fields.rate.numerator}/{fields.rate.denominator}"
    high, low = divmod(fields.bext.time_reference, 1 << 32)
    speed = ElementTree.SubElement(root, "SPEED")
    for name, text in (
        ("MASTER_SPEED", rate),
        ("CURRENT_SPEED", rate),
        ("TIMECODE_RATE", rate),
        ("TIMECODE_FLAG", "DF" if fields.drop else "NDF"),
        ("FILE_SAMPLE_RATE", str(fields.sample_rate)),
        ("AUDIO_BIT_DEPTH", str(fields.bit_depth)),
        ("DIGITIZER_SAMPLE_RATE", str(fields.sample_rate)),
        ("TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI", str(high)),
        ("TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO", str(low)),
        ("TIMESTAMP_SAMPLE_RATE", str(fields.sample_rate)),
    ):
        _put(speed, name, text)


def _bext(root: ElementTree.Element, bext: Bext) -> None:
    high, low = divmod(bext.time_reference, 1 << 32)
    element = _within(root, "BEXT")
    for name, text in (
        ("DESCRIPTION", bext.description),
        ("ORIGINATOR", bext.originator),
        ("ORIGINATOR_REFERENCE", bext.originator_reference),
        ("ORIGINATION_DATE", bext.origination_date),
        ("ORIGINATION_TIME", bext.origination_time),
        ("TIME_REFERENCE_LOW", str(low)),
        ("TIME_REFERENCE_HIGH", str(high)),
        ("VERSION", "2"),
        ("CODING_HISTORY", bext.coding_history or ""),
    ):
        if text:
            _put(element, f"BWF_{name}", text)


def _aswg(root: ElementTree.Element, aswg: Aswg) -> None:
    said = {name: value for name, value in dataclasses.asdict(aswg).items() if value is not None}
    if not said:
        return
    element = ElementTree.SubElement(root, "ASWG")
    for name, value in said.items():
        first, *others = name.split("_")
        text = _truth(value).lower() if isinstance(value, bool) else f"{value:.2f}" if isinstance(value, float) else str(value)
        _put(element, first + "".join(map(str.capitalize, others)), text)


def _put(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = _ILLEGAL.sub("", text)


def _truth(value: bool) -> str:
    return "TRUE" if value else "FALSE"
