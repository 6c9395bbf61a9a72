"""The catalogue, and that it can grow."""

from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.prompts import catalogue
from shared.prompts.models import Prompt


def test_there_are_good_questions_in_several_categories() -> None:
    slugs = [question.slug for question in catalogue.QUESTIONS]
    assert 20 <= len(slugs) == len(set(slugs)) <= 40
    assert len({question.text.casefold() for question in catalogue.QUESTIONS}) == len(slugs)
    assert all(count >= 3 for count in Counter(question.category for question in catalogue.QUESTIONS).values())
    assert len({question.category for question in catalogue.QUESTIONS}) >= 5
    assert all(len(question.text) <= 60 for question in catalogue.QUESTIONS)


def test_the_migration_has_seeded_it(session: Session) -> None:
    stored = session.scalars(select(Prompt).order_by(Prompt.position)).all()
    assert [(prompt.id, prompt.slug, prompt.text, prompt.category) for prompt in stored] == [
        (question.id, question.slug, question.text, question.category) for question in catalogue.QUESTIONS
    ]


def test_seeding_again_adds_rewrites_and_takes_out(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, *others = catalogue.QUESTIONS
    new = catalogue.Question("new_one", "mind", "Something new")
    monkeypatch.setattr(catalogue, "QUESTIONS", (new, replace(second, text="Said better"), *others))
    for _ in range(2):
        catalogue.seed(session.connection())
    stored = {prompt.slug: prompt for prompt in session.scalars(select(Prompt))}
    assert len(stored) == len(others) + 3
    assert stored["new_one"].offered
    assert stored["new_one"].position == 0
    assert (stored[second.slug].text, stored[second.slug].id) == ("Said better", second.id)
    assert not stored[first.slug].offered
