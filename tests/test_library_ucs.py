"""UCS 8.2.1: the whole list is there, a CatID is found or corrected, and plain words find a fitting one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foley_bridge.errors import TimelineError
from foley_bridge.library import ucs


def test_the_list_is_complete_and_consistent() -> None:
    every = ucs.all_categories()
    assert len(every) == 752 == len({each.cat_id.lower() for each in every})
    assert len({each.category for each in every}) == 82
    for each in every:
        assert each.cat_id.startswith(each.cat_short), each
        assert each.category == each.category.upper() and each.subcategory == each.subcategory.upper()
        assert each.explanations and each.synonyms and all(each.synonyms)


def test_a_category_is_found_by_its_cat_id_in_any_case() -> None:
    found = ucs.category("metlimpt")
    assert (found.cat_id, found.category, found.subcategory, found.cat_short) == ("METLImpt", "METAL", "IMPACT", "METL")
    assert "anvil" in found.explanations and "clang" in found.synonyms
    assert ucs.category(" METLImpt ") is found


@pytest.mark.parametrize(("wrong", "near"), [("METLImp", "METLImpt"), ("FOLYFoot", "FOLYFeet"), ("WODImpt", "WOODImpt")])
def test_a_wrong_cat_id_is_named_with_the_nearest_known_one(wrong: str, near: str) -> None:
    with pytest.raises(TimelineError) as caught:
        ucs.category(wrong)
    assert wrong in caught.value.message and near in caught.value.hint


def test_a_cat_id_like_no_other_shows_what_one_looks_like() -> None:
    with pytest.raises(TimelineError) as caught:
        ucs.category("@@@@")
    assert "METLImpt" in caught.value.hint


@pytest.mark.parametrize(
    ("words", "cat_id"),
    [
        ("metal hit", "METLImpt"),
        ("Metal HITS on the rail", "METLImpt"),
        ("wood knocking", "WOODImpt"),
        ("wood scratch", "WOODFric"),
        ("glass break", "GLASBrk"),
        ("ceramic hit", "CERMImpt"),
        ("rubber hit", "RUBRImpt"),
        ("stone impact", "ROCKImpt"),
        ("footsteps gravel", "FEETHmn"),
        ("FOLEY footsteps", "FEETHmn"),
        ("walking", "FOLYFeet"),
        ("door slam", "DOORWood"),
        ("zipper", "OBJZipr"),
        ("sword", "WEAPSwrd"),
        ("water splash", "WATRSplsh"),
        ("metal", "METLMisc"),
        ("cartoon boing", "TOONBoing"),
    ],
)
def test_plain_words_find_the_category_a_librarian_would_take(words: str, cat_id: str) -> None:
    assert ucs.guess(words) == cat_id


@pytest.mark.parametrize("words", ["", "  ", "FOLEY", "the sound of", "xyzzy", "hit", "木槌"])
def test_words_that_tell_nothing_give_the_general_foley_category(words: str) -> None:
    assert ucs.guess(words) == ucs.DEFAULT == ucs.category("FOLYProp").cat_id


@given(st.lists(st.sampled_from(["metal", "wood", "glass", "hit", "scrape", "foot", "gravel", "door", "of"]), max_size=6))
def test_a_guess_is_a_known_category_and_does_not_hang_on_the_order_of_the_words(words: list[str]) -> None:
    found = ucs.guess(" ".join(words))
    assert ucs.category(found).cat_id == found == ucs.guess(" ".join(sorted(words)))
