"""The route of other people's profiles, and the shape in which they are shown."""

import uuid
from typing import Any, Final

from fastapi import APIRouter, Request

from api.accounts import SIGNED_IN
from api.badges import BADGE_EXAMPLE, PublicBadge, public_badge
from api.dependencies import Me
from api.errors import documented
from api.photos import PHOTO_EXAMPLE, PublicPhoto, public_photo
from api.prompts import ANSWER_EXAMPLE, PublicAnswer, public_answer
from api.shapes import Shape, with_example
from shared import clock
from shared.matching.visibility import visible_profile
from shared.profiles.rules import Activity
from shared.profiles.service import PublicProfile
from shared.quiz.compatibility import Side, compare
from shared.quiz.traits import Trait

router = APIRouter(prefix="/v1/users", tags=["people"])


class ReasonShape(Shape):
    """A trait, and a sentence on how you two stand in it."""

    trait: Trait
    text: str


class CompatibilityShape(Shape):
    """How well you two fit, in percent, with the traits that fit best and the one that differs most.

    `estimated` while one of you has not taken the quiz; `note` then says who.
    """

    percent: int
    fits: list[ReasonShape]
    differs: ReasonShape
    estimated: bool
    note: str | None


_COMPARED: Final = compare(
    Side((0.75, 0.36, 0.54, 0.91, 0.18, 0.4), estimated=False),
    Side((0.7, 0.3, 0.6, 0.5, 0.25, 0.45), estimated=False),
)
PROFILE_EXAMPLE: Final[dict[str, Any]] = {
    "id": "c81451ea-7cc4-405f-b696-522ddb820b9b",
    "name": "Ada",
    "age": 35,
    "bio": "Writes letters to machines.",
    "distance_km": 3,
    "active": "this_week",
    "photos": [PHOTO_EXAMPLE],
    "prompts": [ANSWER_EXAMPLE],
    "badges": [BADGE_EXAMPLE],
    "compatibility": CompatibilityShape.model_validate(_COMPARED).model_dump(mode="json"),
}


class ProfileShape(Shape):
    """What others see of a person. `active` is as exact as it gets, and a distance is between cells of a map.

    Of somebody whose account is deleted, what was between you stays; there is no age then.
    """

    model_config = with_example(PROFILE_EXAMPLE)

    id: uuid.UUID
    name: str
    age: int | None
    bio: str
    distance_km: int | None
    active: Activity
    photos: list[PublicPhoto]
    prompts: list[PublicAnswer]
    badges: list[PublicBadge]
    compatibility: CompatibilityShape | None


def profile_shape(profile: PublicProfile, request: Request) -> ProfileShape:
    """The shape of a public profile."""
    return ProfileShape(
        id=profile.id,
        name=profile.name,
        age=profile.age,
        bio=profile.bio,
        distance_km=profile.distance_km,
        active=profile.active,
        photos=[public_photo(photo, request, position=place) for place, photo in enumerate(profile.photos)],
        prompts=[public_answer(answer, position=place) for place, answer in enumerate(profile.answers)],
        badges=[public_badge(badge, request) for badge in profile.badges],
        compatibility=CompatibilityShape.model_validate(profile.compatibility) if profile.compatibility else None,
    )


@router.get(
    "/{user_id}",
    operation_id="get_profile",
    summary="Somebody's profile",
    responses=documented(*SIGNED_IN, "not_found", "validation_error"),
)
async def get_profile(request: Request, me: Me, user_id: uuid.UUID) -> ProfileShape:
    """For those who may see it: who could be shown to you, is matched with you, likes you or is liked by you.

    Your own looks as others see it.
    """
    profile = await me.run(visible_profile, user_id=user_id, now=clock.now())
    return profile_shape(profile, request)
