"""What the quiz holds about a person: what they chose, and the traits that follow."""

from sqlalchemy import Text, cast, literal, select

from shared.holdings import Deleted, Exported, Holdings
from shared.quiz.models import QuizResponse, UserTraitScore
from shared.quiz.traits import Trait

HOLDINGS = Holdings(
    "quiz",
    columns=(Deleted(QuizResponse.user_id), Deleted(UserTraitScore.user_id)),
    exports=(
        Exported(
            "quiz",
            "What you have chosen in the quiz.",
            lambda user_id: select(QuizResponse.version, QuizResponse.answers, QuizResponse.answered_at).where(
                QuizResponse.user_id == user_id
            ),
            (QuizResponse.user_id,),
        ),
        Exported(
            "traits",
            "The traits that follow from it, each from 0 to 1.",
            lambda user_id: select(
                UserTraitScore.version,
                literal(", ".join(Trait)).label("traits"),
                cast(UserTraitScore.scores, Text).label("scores"),
            ).where(UserTraitScore.user_id == user_id),
            (UserTraitScore.user_id,),
        ),
    ),
)
