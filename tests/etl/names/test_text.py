"""Names without what typing changes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.names.structure import normalise, squash, words


@pytest.mark.parametrize(
    "text",
    [
        "Lake Forest  S1",
        "LAKE FOREST S1",
        " Lake\u00a0Forest S1 ",
        "Lake-Forest – S1",
        "Làke Forest (S1)",
        "Ｌａｋｅ Forest/S1",
    ],
)
def test_case_spaces_accents_and_punctuation_do_not_count(text: str) -> None:
    assert normalise(text) == "lake forest s1"


def test_an_ampersand_is_the_word_and() -> None:
    assert normalise("Saddle & Cycle") == normalise("Saddle and Cycle") == "saddle and cycle"


def test_points_and_plus_signs_of_figures_stay() -> None:
    assert normalise("4.5+ Sat.") == "4.5+ sat"


def test_separators_are_kept_between_words_only() -> None:
    assert words(" - Lifesport-Lshire - (10) -") == ("lifesport", "lshire", "-", "10")


def test_words_run_together_but_figures_do_not() -> None:
    assert squash(words("North Shore")) == squash(words("Northshore"))
    assert squash(("club", "1", "1")) != squash(("club", "11"))


@settings(deadline=None)
@given(st.text(max_size=40))
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Łódź 1", "Lodz 1"), ("Søndre Æbelø", "Sondre Aebelo"), ("O\u02bcBrien", "O'Brien"), ("O\u2032Brien", "O'Brien")],
)
def test_letters_that_do_not_come_apart_fold_too(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)
