"""What prompts hold about a person: their answers, and what these mean as vectors."""

from sqlalchemy import Text, cast, select

from shared.holdings import Deleted, Exported, Holdings
from shared.jobs import EMBED_ANSWER
from shared.prompts.models import ProfileVector, Prompt, PromptAnswer

HOLDINGS = Holdings(
    "prompts",
    columns=(Deleted(PromptAnswer.user_id, cancels=(EMBED_ANSWER,)), Deleted(ProfileVector.user_id)),
    exports=(
        Exported(
            "answers",
            "Your answers, and the numbers that a language model has made of each to compare meanings.",
            lambda user_id: (
                select(
                    Prompt.text.label("question"),
                    PromptAnswer.answer,
                    PromptAnswer.private,
                    PromptAnswer.position,
                    PromptAnswer.created_at,
                    PromptAnswer.updated_at,
                    PromptAnswer.model,
                    cast(PromptAnswer.vector, Text).label("vector"),
                )
                .join(Prompt, Prompt.id == PromptAnswer.prompt_id)
                .where(PromptAnswer.user_id == user_id)
            ),
            (PromptAnswer.position,),
        ),
        Exported(
            "meaning",
            "The numbers that stand for all of your answers together.",
            lambda user_id: select(ProfileVector.model, cast(ProfileVector.vector, Text).label("vector")).where(
                ProfileVector.user_id == user_id
            ),
            (ProfileVector.user_id,),
        ),
    ),
)
