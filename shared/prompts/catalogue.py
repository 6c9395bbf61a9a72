"""The catalogue of prompts: questions worth answering, in the order in which they are offered.

To let it grow: add entries here, and a migration that calls `seed` again. A slug never changes its meaning. Reasons of
badges name questions: raise `CATALOGUE` of the badges when one is worded anew.
"""

import uuid
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

NAMESPACE: Final = uuid.UUID("5b1f3f0e-6d0a-4c3e-9a58-0d4a8e2f7c11")  # the same slug has the same id everywhere


@dataclass(frozen=True, slots=True)
class Question:
    """One question, and the category under which it is offered."""

    slug: str
    category: str
    text: str

    @property
    def id(self) -> uuid.UUID:
        """The prompt's id, derived from its slug."""
        return uuid.uuid5(NAMESPACE, self.slug)


QUESTIONS: Final = (
    # --- every day ---
    Question("slow_morning", "everyday", "What a morning with nothing planned turns into"),
    Question("on_repeat", "everyday", "The sound, taste or place I never tire of"),
    Question("after_work", "everyday", "How I come down from a long day"),
    Question("cook_for_you", "everyday", "What I would put on the table for you, and why that"),
    Question("small_luxury", "everyday", "A small thing I refuse to save money on"),
    # --- out in the world ---
    Question("go_back", "world", "A place I would go back to tomorrow"),
    Question("unplanned", "world", "A plan that fell apart and was better for it"),
    Question("outside", "world", "Where you find me when the weather is good"),
    Question("said_yes", "world", "Something I said yes to before I was ready"),
    Question("home_town", "world", "What I would show you where I grew up"),
    # --- heart ---
    Question("feel_cared_for", "heart", "A small thing that makes me feel cared for"),
    Question("after_an_argument", "heart", "What I need after an argument, and what I do"),
    Question("slow_to_say", "heart", "Something I am slow to say, though I mean it"),
    Question("good_at_loving", "heart", "How people close to me know that they matter"),
    Question("learned_from_love", "heart", "What an earlier love taught me to do differently"),
    # --- mind ---
    Question("changed_my_mind", "mind", "Something I have changed my mind about"),
    Question("could_explain", "mind", "I could explain this for an hour without notes"),
    Question("last_wonder", "mind", "The last thing that made me stop and stare"),
    Question("question_for_you", "mind", "A question I would like to ask you on a walk"),
    Question("making", "mind", "What my hands or my head are making at the moment"),
    # --- laughter ---
    Question("laugh_at_myself", "laughter", "A story my friends will not let me forget"),
    Question("bad_at", "laughter", "Something I do badly and with joy"),
    Question("strong_opinion", "laughter", "A harmless opinion that I will defend to the end"),
    Question("odd_habit", "laughter", "A habit of mine that needs explaining"),
    # --- what matters ---
    Question("would_not_give_up", "values", "Something I would not give up for anybody"),
    Question("people_i_admire", "values", "Somebody I admire who is not famous"),
    Question("enough", "values", "How I know that I have enough"),
    Question("stood_up", "values", "A time I stood up for something or someone"),
    # --- together ---
    Question("a_year_from_now", "together", "Us, a year from now, on an ordinary Tuesday"),
    Question("teach_me", "together", "Something you could teach me"),
    Question("quiet_together", "together", "What I would like to be quiet beside you for"),
    Question("make_room", "together", "What I am making room for in my life"),
)


def seed(connection: Connection) -> None:
    """Bring the table to QUESTIONS: new ones are added, changed ones rewritten, those taken out no longer offered.

    Can run any number of times. Plain SQL, since migrations of any age call it.
    """
    connection.execute(text("UPDATE prompts SET offered = false"))
    connection.execute(
        text(
            "INSERT INTO prompts (id, slug, text, category, position, offered)"
            " VALUES (:id, :slug, :text, :category, :position, true)"
            " ON CONFLICT (slug) DO UPDATE SET text = excluded.text, category = excluded.category,"
            " position = excluded.position, offered = true"
        ),
        [
            {"id": one.id, "slug": one.slug, "text": one.text, "category": one.category, "position": position}
            for position, one in enumerate(QUESTIONS)
        ],
    )
