"""How texts are shared out to runs of the model."""

from hypothesis import given
from hypothesis import strategies as st

from shared.embedding.rules import CALL_COST, MAX_ROWS, groups

LENGTHS = st.lists(st.integers(2, 128), max_size=100)


def _cost(lengths: list[int], found: list[list[int]]) -> int:
    return sum(len(group) * max(lengths[index] for index in group) + CALL_COST for group in found)


@given(LENGTHS)
def test_every_text_is_in_one_group_and_none_is_too_large(lengths: list[int]) -> None:
    found = groups(lengths)
    assert sorted(index for group in found for index in group) == list(range(len(lengths)))
    assert all(1 <= len(group) <= MAX_ROWS for group in found)


@given(LENGTHS, st.integers(1, MAX_ROWS))
def test_no_even_cut_of_the_sorted_texts_costs_less(lengths: list[int], size: int) -> None:
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    even = [order[start : start + size] for start in range(0, len(order), size)]
    assert _cost(lengths, groups(lengths)) <= _cost(lengths, even)


def test_texts_of_like_length_run_together_and_a_long_one_alone() -> None:
    assert [sorted(group) for group in groups([10, 80, 10, 11, 10])] == [[1], [0, 2, 3, 4]]
