"""The rules of prompts: how many answers, how long."""

from typing import Final

MAX_ANSWERS: Final = 3
MAX_PRIVATE: Final = 1
ANSWER_LENGTH: Final = 300  # characters, once normalised
