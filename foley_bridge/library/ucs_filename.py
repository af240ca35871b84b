"""File names by the Universal Category System: ``CatID_FXName_CreatorID_SourceID[_UserData]``.

CatID may carry a user category (``DOORWood-KITCHEN``), FXName a vendor category (``CREAK-Old Door``). A name is one of these
only if it starts with a CatID that UCS knows, written as UCS writes it; anything else is an ordinary name. Some CatIDs are
ordinary words (RAIN, TEST, MIX), so that those count only in a name of at least four parts.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from foley_bridge.library import ucs
from foley_bridge.library.text import clean, spaced

_VENDOR = re.compile(r"([A-Z][A-Z0-9]+)-([^\W\d_].*)")
_PARTS = 4


@dataclass(frozen=True)
class UcsName:
    """What a file name says.

    Attributes:
        category: of its CatID.
        fx_name: in words.
        creator, source: the short forms that stand there; may be empty.
        keywords: the vendor category, the user category and the words of the user data.
    """

    category: ucs.UcsCategory
    fx_name: str
    creator: str
    source: str
    keywords: tuple[str, ...]


def parse(stem: str) -> UcsName | None:
    """What a file name without its suffix says; None when it is no UCS name."""
    cat_id, *parts = stem.split("_")
    cat_id, _, user_category = cat_id.partition("-")
    category = _known().get(cat_id)
    if category is None or len(parts) < (_PARTS - 1 if cat_id.isupper() else 1):
        return None
    fx_name, creator, source, *user_data = [*parts, "", ""][: max(len(parts), 3)]
    vendor = _VENDOR.fullmatch(fx_name)
    vendor_category, fx_name = vendor.groups() if vendor else ("", fx_name)
    keywords = [vendor_category, user_category, *(each for each in user_data if re.search(r"[^\W\d_]{3}", each))]
    return UcsName(category, spaced(fx_name), clean(creator), clean(source), tuple(spaced(each) for each in keywords if each))


@functools.cache
def _known() -> dict[str, ucs.UcsCategory]:
    return {each.cat_id: each for each in ucs.all_categories()}
