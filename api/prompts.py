"""Routes of prompts: the catalogue, and one's own answers."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Response, status
from pydantic import Field, StrictBool, StringConstraints
from sqlalchemy.orm import Session

from api.accounts import SIGNED_IN
from api.creating import Creating
from api.dependencies import Me
from api.errors import documented
from api.shapes import Body, Limit, Offset, Page, Prose, Shape, VisibleLine, page, with_example
from shared.accounts.models import User
from shared.prompts import service
from shared.prompts.catalogue import QUESTIONS
from shared.prompts.models import Prompt, PromptAnswer
from shared.prompts.rules import ANSWER_LENGTH
from shared.settings import settings

router = APIRouter(prefix="/v1", tags=["prompts"])

Answer = Annotated[VisibleLine, StringConstraints(min_length=1, max_length=ANSWER_LENGTH)]


_QUESTION_EXAMPLE: Final = {"id": str(QUESTIONS[3].id), "slug": QUESTIONS[3].slug, "text": QUESTIONS[3].text}
ANSWER_EXAMPLE: Final[dict[str, Any]] = {
    "id": "53fd92a3-4bc0-4978-9077-fe93dea42f80",
    "question": _QUESTION_EXAMPLE,
    "answer": "Fish soup, because it takes all day.",
    "private": False,
    "position": 0,
    "status": "embedded",
}


class PromptShape(Shape):
    """A question of the catalogue."""

    model_config = with_example(_QUESTION_EXAMPLE | {"category": QUESTIONS[3].category})

    id: uuid.UUID
    slug: str
    text: str
    category: str


class QuestionShape(Shape):
    """The question that an answer answers."""

    id: uuid.UUID
    slug: str
    text: str


class PublicAnswer(Shape):
    """An answer as others see it: without times, which would tell when somebody was last here."""

    model_config = with_example(ANSWER_EXAMPLE)

    id: uuid.UUID
    question: QuestionShape
    answer: str
    private: bool
    position: int
    status: Literal["pending", "embedded"]


class AnswerShape(PublicAnswer):
    """One's own answer. `pending` until a worker has understood it as it is now."""

    model_config = with_example(
        ANSWER_EXAMPLE | {"created_at": "2026-11-24T18:49:12Z", "updated_at": "2026-11-24T18:49:12Z"}
    )

    created_at: datetime
    updated_at: datetime


class NewAnswer(Body):
    """An answer to a prompt. One answer can be private: it helps to find people who fit, and nobody reads it."""

    model_config = with_example(
        {
            "question_id": str(QUESTIONS[3].id),
            "answer": "Fish soup, because it takes all day.",
        }
    )

    question_id: uuid.UUID
    answer: Answer
    private: StrictBool = False


class AnswerPut(Body):
    """What is said; question and privacy stay as they are when they are left out, so that nothing slips into public."""

    model_config = with_example({"answer": "Fish soup, and stories.", "private": False})

    question_id: uuid.UUID | None = None
    answer: Answer
    private: StrictBool | None = None


class AnswerOrder(Body):
    """All answers, in their new order."""

    model_config = with_example(
        {"ids": ["7b0f3c7e-4d5f-4a63-a9a2-6d2b1f6f3c11", "0a4d8c1e-9f5b-4c52-8f0e-2f6f1b7c9d22"]}
    )

    ids: list[uuid.UUID] = Field(max_length=100)


def public_answer(answer: PromptAnswer, *, position: int) -> PublicAnswer:
    """The shape of another's answer; its position among those shown, or a gap would tell of a private one."""
    return PublicAnswer(
        id=answer.id,
        question=QuestionShape.model_validate(answer.prompt),
        answer=answer.answer,
        private=answer.private,
        position=position,
        status="embedded" if answer.model == settings().embedding_model else "pending",
    )


def answer_shape(answer: PromptAnswer) -> AnswerShape:
    """The shape of one's own answer."""
    return AnswerShape(
        **public_answer(answer, position=answer.position).model_dump(),
        created_at=answer.created_at,
        updated_at=answer.updated_at,
    )


@router.get(
    "/prompts",
    operation_id="list_prompts",
    summary="Prompts to answer",
    responses=documented(*SIGNED_IN, "validation_error"),
)
async def list_prompts(
    me: Me, limit: Annotated[Limit, Query()] = 100, offset: Annotated[Offset, Query()] = 0
) -> Page[PromptShape]:
    """The catalogue, in the order in which to offer it."""
    prompts = await me.run(_catalogue)
    return page(prompts, PromptShape.model_validate, limit=limit, offset=offset)


@router.get(
    "/profile/prompts",
    operation_id="list_answers",
    summary="Your answers",
    responses=documented(*SIGNED_IN, "validation_error"),
)
async def list_answers(
    me: Me,
    q: Annotated[Prose, Query(max_length=100, description="Only those with this in the answer or question")] = "",
    sort: Annotated[service.Sort, Query(description="A field; with - the other way round")] = "position",
    limit: Annotated[Limit, Query()] = 100,
    offset: Annotated[Offset, Query()] = 0,
) -> Page[AnswerShape]:
    """The private one too."""
    answers, total = await me.run(service.own_answers, q=q, sort=sort, limit=limit, offset=offset)
    return Page(items=[answer_shape(answer) for answer in answers], total=total, limit=limit, offset=offset)


@router.post(
    "/profile/prompts",
    operation_id="create_answer",
    summary="Answer a prompt",
    status_code=status.HTTP_201_CREATED,
    responses=documented(*SIGNED_IN, "prompt_already_answered", "prompt_limit", "validation_error"),
)
async def create_answer(me: Creating, body: NewAnswer) -> AnswerShape:
    """Up to three. A worker reads it within seconds: `status` becomes `embedded`."""
    return await me.create(
        answer_shape,
        "/v1/profile/prompts/{0.id}",
        service.answer,
        prompt_id=body.question_id,
        text=body.answer,
        private=body.private,
    )


@router.put(
    "/profile/prompts/order",
    operation_id="order_answers",
    summary="Put your answers in order",
    responses=documented(*SIGNED_IN, "validation_error"),
)
async def order_answers(me: Me, body: AnswerOrder) -> Page[AnswerShape]:
    """Name every answer once."""
    answers = await me.run(service.reorder, ids=body.ids)
    return Page(items=[answer_shape(answer) for answer in answers], total=len(answers), limit=100, offset=0)


@router.get(
    "/profile/prompts/{answer_id}",
    operation_id="get_answer",
    summary="One of your answers",
    responses=documented(*SIGNED_IN, "not_found", "validation_error"),
)
async def get_answer(me: Me, answer_id: uuid.UUID) -> AnswerShape:
    """`pending`, or `embedded`."""
    return answer_shape(await me.run(service.own_answer, answer_id=answer_id))


@router.put(
    "/profile/prompts/{answer_id}",
    operation_id="replace_answer",
    summary="Write an answer anew",
    responses=documented(*SIGNED_IN, "not_found", "prompt_already_answered", "prompt_limit", "validation_error"),
)
async def replace_answer(me: Me, answer_id: uuid.UUID, body: AnswerPut) -> AnswerShape:
    """`pending` again when its text has changed."""
    written = await me.run(
        service.replace, answer_id=answer_id, text=body.answer, private=body.private, prompt_id=body.question_id
    )
    return answer_shape(written)


@router.delete(
    "/profile/prompts/{answer_id}",
    operation_id="delete_answer",
    summary="Delete an answer",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=documented(*SIGNED_IN, "not_found", "validation_error"),
)
async def delete_answer(me: Me, answer_id: uuid.UUID) -> Response:
    """With what was understood from it."""
    await me.run(service.remove, answer_id=answer_id)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


def _catalogue(session: Session, _user: User) -> list[Prompt]:
    return list(service.catalogue(session))
