"""Who may see whom: the conditions under which discovery could show one person to another, wherever they live."""

from datetime import date
from typing import Final

from sqlalchemy import and_, any_, exists, false, func, literal, or_, true
from sqlalchemy.sql.elements import ColumnElement

from shared.accounts.models import Gender, Role, Status, User
from shared.accounts.rules import ADULT, public_age
from shared.photos.models import Photo, PhotoStatus
from shared.settings import settings

OLDEST: Final = 99  # as the highest age of a preference it means: and older


def could_meet(viewer: User, *, today: date) -> ColumnElement[bool]:
    """The condition on a user for discovery to be able to show them to the viewer, but for distance.

    Both are active, and each is within the other's genders and ages, by the day of UTC. Somebody who has not said their
    gender fits those who seek all.
    """
    mine = public_age(viewer.birth_date, today)
    return and_(
        true() if viewer.status == Status.ACTIVE else false(),
        User.id != viewer.id,
        User.status == Status.ACTIVE,
        User.email_verified_at.is_not(None) if settings().verified_email_required else true(),
        exists().where(Photo.user_id == User.id, Photo.status == PhotoStatus.READY),
        _sought_by(viewer),
        _seeks(viewer),
        _born_within(viewer.min_age, viewer.max_age, today),
        User.min_age <= mine,
        or_(User.max_age >= mine, User.max_age == OLDEST),
    )


def may_see(viewer: User, *, today: date) -> ColumnElement[bool]:
    """The condition on a user for the viewer to see their public profile: moderators see all, everybody themself."""
    if viewer.role in {Role.MODERATOR, Role.ADMIN}:
        return User.status != Status.DELETING
    return or_(User.id == viewer.id, could_meet(viewer, today=today))


def _sought_by(viewer: User) -> ColumnElement[bool]:
    """Whether the viewer seeks them."""
    seeks_all = set(viewer.sought_genders) == set(Gender)
    return true() if seeks_all else User.gender.in_(viewer.sought_genders)


def _seeks(viewer: User) -> ColumnElement[bool]:
    """Whether they seek the viewer."""
    if viewer.gender is None:
        return func.cardinality(User.sought_genders) == len(Gender)
    return literal(viewer.gender) == any_(User.sought_genders)


def _born_within(youngest: int, oldest: int, today: date) -> ColumnElement[bool]:
    """Whether they have had birthday number `youngest`, and not yet the one after `oldest`."""
    return and_(
        User.birth_date <= _years_before(today, youngest) if youngest > ADULT else true(),  # which everybody is
        User.birth_date > _years_before(today, oldest + 1) if oldest != OLDEST else true(),
    )


def _years_before(today: date, years: int) -> date:
    """The latest birth date of somebody who is `years` old or older today."""
    try:
        return today.replace(year=today.year - years)
    except ValueError:  # 29 February, and no leap year then: whoever was born on 1 March is younger
        return date(today.year - years, 2, 28)
