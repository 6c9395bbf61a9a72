"""Routes of one's own account, and the shapes in which accounts are shown."""

from datetime import date, datetime
from typing import Annotated, Any, Final, Self
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response, status
from pydantic import AfterValidator, BaseModel, Field, StringConstraints, field_validator, model_validator
from sqlalchemy.orm import Session

from api.dependencies import Me, PasswordHashing, RateLimits
from api.errors import documented
from api.shapes import Body, Number, Shape, Storable, Visible, VisibleLine, Whole, with_example
from shared import clock
from shared.accounts import rules, service, sign_in
from shared.accounts.models import Gender, User
from shared.errors import Refusal
from shared.profiles.rules import COMPLETENESS
from shared.profiles.service import completeness
from shared.settings import settings

router = APIRouter(prefix="/v1/users/me", tags=["account"])
EVEN_SUSPENDED = ("not_authenticated", "token_expired", "token_invalid")
SIGNED_IN = (*EVEN_SUSPENDED, "account_suspended")


def _time_zone(name: str) -> str:
    if not rules.time_zone_known(name):
        raise ValueError("must be an IANA time zone, for example Europe/Berlin")
    return rules.plain_time_zone(name)


Name = Annotated[VisibleLine, StringConstraints(min_length=1, max_length=rules.NAME_LENGTH)]
Username = Annotated[Storable, StringConstraints(pattern=rules.USERNAME)]
Bio = Annotated[Visible, StringConstraints(max_length=rules.BIO_LENGTH)]
TimeZone = Annotated[Storable, StringConstraints(max_length=64), AfterValidator(_time_zone)]
Password = Annotated[Storable, StringConstraints(max_length=1024)]
"""As received; how long it may be is judged as a `weak_password`."""


class Location(Body):
    """A place on earth, in degrees (WGS 84)."""

    latitude: Number = Field(ge=-90, le=90, allow_inf_nan=False)
    longitude: Number = Field(ge=-180, le=180, allow_inf_nan=False)


class Preferences(Body):
    """Whom somebody wants to meet. A missing distance means: however far."""

    genders: list[Gender] = Field(default_factory=lambda: list(Gender), min_length=1, max_length=len(Gender))
    min_age: Whole = Field(rules.ADULT, ge=rules.ADULT, le=99)
    max_age: Whole = Field(99, ge=rules.ADULT, le=99)
    max_distance_km: Whole | None = Field(None, ge=1, le=500)

    @field_validator("genders")
    @classmethod
    def _each_once(cls, genders: list[Gender]) -> list[Gender]:
        return sorted(set(genders), key=list(Gender).index)

    @model_validator(mode="after")
    def _range(self) -> Self:
        if {"min_age", "max_age"} <= self.model_fields_set and self.min_age > self.max_age:
            raise ValueError("min_age must not be above max_age")
        return self


class ProfileFields(Body):
    """What a person can change about themself."""

    username: Username | None = None
    gender: Gender | None = None
    bio: Bio = ""
    location: Location | None = None
    time_zone: TimeZone = "UTC"
    preferences: Preferences = Field(default_factory=Preferences)

    def columns(self, *, only_sent: bool) -> dict[str, Any]:
        """The columns of a user to set; with `only_sent` those the client named, within `preferences` too."""
        sent = self.model_fields_set if only_sent else set(type(self).model_fields)
        columns = {name: getattr(self, name) for name in sent - {"location", "preferences", "password"}}
        if "location" in sent:
            columns["latitude"] = self.location.latitude if self.location else None
            columns["longitude"] = self.location.longitude if self.location else None
        if "preferences" in sent:
            wishes = self.preferences.model_dump(exclude_unset=only_sent, mode="json")
            columns.update({"sought_genders" if name == "genders" else name: value for name, value in wishes.items()})
        return columns


_PROFILE_EXAMPLE: dict[str, Any] = {
    "name": "Ada",
    "username": "ada.l",
    "gender": "woman",
    "bio": "Writes letters to machines.",
    "location": {"latitude": 52.52, "longitude": 13.405},
    "time_zone": "Europe/Berlin",
    "preferences": {"genders": ["man", "woman"], "min_age": 25, "max_age": 40, "max_distance_km": 50},
}


class ProfilePut(ProfileFields):
    """The whole editable account; what is left out is set back to its default."""

    model_config = with_example(_PROFILE_EXAMPLE)

    name: Name


class ProfilePatch(ProfileFields):
    """Some of the editable fields; what is left out stays."""

    model_config = with_example({"bio": "New in town.", "preferences": {"max_age": 45}})

    name: Name = ""

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_unset_by_null(cls, sent: Any) -> Any:  # noqa: ANN401 - whatever the client sent
        if isinstance(sent, dict):
            for name in ("name", "bio", "time_zone", "preferences"):
                if name in sent and sent[name] is None:
                    raise ValueError(f"{name} must not be null")
        return sent


class PasswordChange(Body):
    """The old password and the new one."""

    model_config = with_example({"old_password": "correct horse", "new_password": "battery staple"})

    old_password: Password
    new_password: Password


class ProfileState(Shape):
    """How complete a profile is, and what is missing, in words."""

    complete: bool
    percent: int
    missing: list[str]


class Place(BaseModel):
    """One's own exact place."""

    latitude: float
    longitude: float


class Wishes(BaseModel):
    """One's own preferences."""

    genders: list[Gender]
    min_age: int
    max_age: int
    max_distance_km: int | None


ACCOUNT_EXAMPLE: Final[dict[str, Any]] = {
    **_PROFILE_EXAMPLE,
    "id": "c81451ea-7cc4-405f-b696-522ddb820b9b",
    "email": "ada@example.com",
    "email_verified": True,
    "birth_date": "1990-12-10",
    "age": 35,
    "role": "user",
    "status": "active",
    "created_at": "2026-11-20T09:30:00Z",
    "last_active_at": "2026-11-24T18:45:00Z",
    "profile": {"complete": False, "percent": 80, "missing": [COMPLETENESS["quiz"][1]]},
}


class OwnAccount(Shape):
    """A person's own account, as only they see it."""

    model_config = with_example(ACCOUNT_EXAMPLE)

    id: str
    email: str
    email_verified: bool
    username: str | None
    name: str
    birth_date: date
    age: int
    gender: Gender | None
    bio: str
    location: Place | None
    time_zone: str
    preferences: Wishes
    role: str
    status: str
    created_at: datetime
    last_active_at: datetime
    profile: ProfileState


def own_account(session: Session, user: User) -> OwnAccount:
    """The shape of one's own account."""
    place = None
    if user.latitude is not None and user.longitude is not None:
        place = Place(latitude=user.latitude, longitude=user.longitude)
    percent, missing = completeness(session, user)
    return OwnAccount(
        id=str(user.id),
        email=user.email,
        email_verified=user.email_verified_at is not None,
        username=user.username,
        name=user.name,
        birth_date=user.birth_date,
        age=rules.age(user.birth_date, clock.now().astimezone(ZoneInfo(user.time_zone)).date()),
        gender=Gender(user.gender) if user.gender else None,
        bio=user.bio,
        location=place,
        time_zone=user.time_zone,
        preferences=Wishes(
            genders=[Gender(gender) for gender in user.sought_genders],
            min_age=user.min_age,
            max_age=user.max_age,
            max_distance_km=user.max_distance_km,
        ),
        role=user.role,
        status=user.status,
        created_at=user.created_at,
        last_active_at=user.last_active_at,
        profile=ProfileState(complete=not missing, percent=percent, missing=missing),
    )


def _edited(session: Session, user: User, *, changes: dict[str, Any]) -> OwnAccount:
    return own_account(session, service.edit(session, user, changes=changes, now=clock.now()))


@router.get("", operation_id="get_me", summary="Your account", responses=documented(*SIGNED_IN))
async def get_me(me: Me) -> OwnAccount:
    """Everything about your own account."""
    return await me.run(own_account)


@router.put(
    "",
    operation_id="replace_me",
    summary="Replace your profile",
    responses=documented(*SIGNED_IN, "username_taken", "validation_error", "rate_limited"),
)
async def replace_me(me: Me, body: ProfilePut) -> OwnAccount:
    """Set all editable fields; those left out go back to their defaults."""
    return await me.run(_edited, changes=body.columns(only_sent=False))


@router.patch(
    "",
    operation_id="update_me",
    summary="Change some of your profile",
    responses=documented(*SIGNED_IN, "username_taken", "validation_error", "rate_limited"),
)
async def update_me(me: Me, body: ProfilePatch) -> OwnAccount:
    """Set the fields that are sent, also within `preferences`; the others stay."""
    return await me.run(_edited, changes=body.columns(only_sent=True))


@router.put(
    "/password",
    operation_id="change_password",
    summary="Change your password",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=documented(
        *SIGNED_IN, "invalid_credentials", "weak_password", "validation_error", "rate_limited", "service_unavailable"
    ),
)
async def change_password(me: Me, body: PasswordChange, hashing: PasswordHashing, rates: RateLimits) -> Response:
    """Needs the old password; logs out every other device."""
    await rates.check(settings().rate_limit_login, "password", str(me.claims.user_id))
    user = await me.run(_itself)
    right, _ = await hashing.verify(body.old_password, user.password_hash)
    if not right:
        raise Refusal("invalid_credentials", "The old password is not right.")
    require_strong(body.new_password, about=(user.email, user.username, user.name))
    await me.run(
        sign_in.change_password,
        verified_hash=user.password_hash,
        new_hash=await hashing.hash(body.new_password),
        session_id=me.claims.session_id,
        now=clock.now(),
    )
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.post(
    "/pause", operation_id="pause", summary="Hide from others", responses=documented(*SIGNED_IN, "invalid_transition")
)
async def pause(me: Me) -> OwnAccount:
    """Nobody new is shown to you or you to them until you resume; pausing again changes nothing."""
    return await me.run(lambda session, user: own_account(session, service.pause(session, user)))


@router.post(
    "/resume", operation_id="resume", summary="Come back", responses=documented(*SIGNED_IN, "invalid_transition")
)
async def resume(me: Me) -> OwnAccount:
    """End a pause; resuming again changes nothing."""
    return await me.run(lambda session, user: own_account(session, service.resume(session, user)))


def require_strong(password: str, *, about: tuple[str | None, ...]) -> None:
    """Refuse a weak password.

    Raises:
        Refusal: `weak_password`, with the reason.
    """
    weakness = rules.password_weakness(password, about=about)
    if weakness:
        raise Refusal("weak_password", weakness)


def _itself(_session: Session, user: User) -> User:
    return user
