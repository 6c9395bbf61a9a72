"""The route of other people's profiles, and the shape in which they are shown."""

import uuid

from fastapi import APIRouter, Request

from api.accounts import SIGNED_IN
from api.badges import PublicBadge, public_badge
from api.dependencies import Me
from api.errors import documented
from api.photos import PublicPhoto, public_photo
from api.prompts import PublicAnswer, public_answer
from api.shapes import Shape
from shared import clock
from shared.profiles import service
from shared.profiles.rules import Activity
from shared.profiles.service import PublicProfile
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


class ProfileShape(Shape):
    """What others see of a person. `active` is as exact as it gets, and a distance is between cells of a map."""

    id: uuid.UUID
    name: str
    age: int
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
    """For those who may see it: people whom you could be shown to each other. Your own looks as others see it."""
    profile = await me.run(service.public_profile, user_id=user_id, now=clock.now())
    return profile_shape(profile, request)
