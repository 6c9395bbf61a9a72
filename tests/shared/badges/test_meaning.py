"""What the real model makes of answers: every badge for what it is meant for, and precision before recall."""

from uuid import UUID

import pytest

from dev.badge_table import HALVES, Judged, judge, lines
from shared.badges.meaning import Examples, embed_examples
from shared.badges.rules import Read, by_answers
from shared.embedding.engine import embedder

CLEAR = {
    "fur_on_the_sweater": "My two cats are family. One sleeps on my chest and I talk to them all day.",
    "wooden_spoon": "Homemade pasta. I cook for everybody I like, and I bake the bread as well.",
    "mud_on_the_boots": "Up a hill with a thermos. I hike every trail within an hour of here, rain or not.",
    "night_train": "A year across South America with one backpack, and I am already planning Vietnam.",
    "dog_eared": "My flat is full of novels, and there is always one more chapter before I sleep.",
    "one_more_song": "I play the cello in an orchestra and sing harmonies to everything on the radio.",
    "sawdust": "I am building a bookcase from old floorboards, with my own saw and glue.",
    "kettle_on": "At home under a blanket on the sofa, tea in hand, rain on the window. Bliss.",
    "after_midnight": "I am a night owl. I get my best ideas at two in the morning.",
    "first_light": "I get up at five and watch the sun rise with my coffee. Best part of the day.",
    "big_table": "Sunday lunch with my parents, my sisters and all of the nephews.",
    "one_more_question": "How black holes work. I read physics papers for fun and want to know why.",
    "second_wind": "Marathon training. I run fifteen kilometres before work and race in spring.",
    "recess": "I do silly voices and terrible puns until we both cry with laughter.",
    "soup_at_the_door": "I'm a nurse. I sit with people who are afraid, and I do the shopping for my old neighbour.",
    "wont_walk_past": "I spoke up for a colleague who was treated unfairly, and we went on strike.",
}
NOT = (
    "I'm not a dog person.",
    "I can't cook.",
    "I hate camping.",
    "I never read books.",
    "I am not a morning person at all.",
    "Sport is boring.",
    "I don't like travelling.",
    "Baking is not for me.",
    "I'm asleep by nine.",
    "I quit the gym after one day.",
    "A second toothbrush.",
    "Pizza.",
    "Ask me in a year.",
)


@pytest.fixture(scope="module")
def examples() -> Examples:
    return embed_examples(embedder().embed)


@pytest.fixture(scope="module")
def judged() -> list[Judged]:
    return judge()


def given(examples: Examples, text: str) -> list[str]:
    (close,) = examples.closeness(embedder().embed([text]))
    return [award.slug for award in by_answers([Read(UUID(int=0), "", close)])]


@pytest.mark.parametrize("slug", CLEAR)
def test_a_clear_answer_earns_its_badge(examples: Examples, slug: str) -> None:
    assert given(examples, CLEAR[slug]) == [slug]


@pytest.mark.parametrize("text", NOT)
def test_a_denial_or_a_plain_word_earns_none(examples: Examples, text: str) -> None:
    assert given(examples, text) == []


# The bounds leave room for the engines of the model, which differ in the third digit.
@pytest.mark.parametrize(("half", "precision", "recall"), [(HALVES[0], 0.95, 0.45), (HALVES[1], 0.85, 0.28)])
def test_on_the_corpus_badges_are_rarely_wrong(
    judged: list[Judged], half: str, precision: float, recall: float
) -> None:
    everything = dict(lines(judged, half))["all"]
    assert everything.right / everything.given >= precision
    assert everything.right / everything.wanted >= recall


def test_every_badge_is_more_often_right_than_wrong_on_the_corpus(judged: list[Judged]) -> None:
    chosen, held_out = (dict(lines(judged, half)) for half in HALVES)
    for slug in chosen:
        right = chosen[slug].right + held_out[slug].right
        assert right / (chosen[slug].given + held_out[slug].given) > 0.7, slug
