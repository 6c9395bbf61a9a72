"""How close answers are to each badge, by their vectors. Needs numpy, so only workers import it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shared.badges.examples import EXAMPLES
from shared.badges.plain import PLAIN as PLAIN_TEXTS
from shared.badges.rules import PLAIN, closeness

_TEXTS: Final = {**EXAMPLES, PLAIN: PLAIN_TEXTS}


@dataclass(frozen=True, slots=True)
class Examples:
    """The vectors of every badge's examples, and of what earns none, as one model makes them."""

    vectors: dict[str, NDArray[np.float32]]

    def closeness(self, answers: Sequence[ArrayLike]) -> list[dict[str, float]]:
        """Of each answer (a unit vector of the same model) to each badge of meaning and to PLAIN."""
        return [
            {slug: closeness(slug, (vectors @ answer).tolist()) for slug, vectors in self.vectors.items()}
            for answer in np.asarray(answers, np.float32)
        ]


def embed_examples(embed: Callable[[list[str]], Any]) -> Examples:
    """The examples as this model sees them; `embed` turns texts into unit vectors."""
    vectors = np.asarray(embed([text for texts in _TEXTS.values() for text in texts]), np.float32)
    ends = np.cumsum([len(texts) for texts in _TEXTS.values()])[:-1]
    return Examples(dict(zip(_TEXTS, np.split(vectors, ends), strict=True)))
