"""Routes by which people keep away from each other, and report each other."""

import uuid
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query, status
from pydantic import Field, StrictBool, StringConstraints

from api.accounts import SIGNED_IN
from api.creating import Creating
from api.dependencies import Me, RateLimits
from api.errors import documented
from api.matching import PersonName
from api.profiles import PROFILE_EXAMPLE
from api.shapes import Body, Limit, Offset, Page, Prose, Shape, page, with_example
from shared import clock
from shared.accounts.models import User
from shared.matching import contacts, safety
from shared.matching.models import Block
from shared.matching.rules import CONTACTS
from shared.matching.safety import Complaint
from shared.messaging import reporting
from shared.moderation.models import Reason
from shared.settings import settings

router = APIRouter(prefix="/v1/matching", tags=["safety"])

DETAILS_LENGTH: Final = 2000
_BLOCK_EXAMPLE: Final = {"user_id": PROFILE_EXAMPLE["id"], "name": "Ada", "created_at": "2026-11-24T18:49:12Z"}
_HASH: Final = "26c7d83e9a1fb0e7d8a1df1ad1de1b83fa14ac43a0c1ff0e7a4d0b8d0ad4ec0d"


class BlockShape(Shape):
    """Somebody whom you have blocked."""

    model_config = with_example(_BLOCK_EXAMPLE)

    user_id: uuid.UUID
    name: str
    created_at: datetime


class NewReport(Body):
    """Whom you report and why, and which of their photos, answers or messages it is about.

    Blocks them too, unless you say no.
    """

    model_config = with_example(
        {"user_id": PROFILE_EXAMPLE["id"], "reason": "harassment", "details": "Insulted me after I said no."}
    )

    user_id: uuid.UUID
    reason: Reason
    details: Annotated[Prose, StringConstraints(max_length=DETAILS_LENGTH)] = ""
    photo_id: uuid.UUID | None = None
    prompt_id: uuid.UUID | None = None
    message_id: uuid.UUID | None = None
    block: StrictBool = True


class ReportShape(Shape):
    """A report that moderators will look at."""

    model_config = with_example(
        {
            "id": "0c9e3b7a-8a7c-4a2b-bb4d-0f1e2d3c4b5a",
            "user_id": PROFILE_EXAMPLE["id"],
            "reason": "harassment",
            "created_at": "2026-11-24T18:49:12Z",
        }
    )

    id: uuid.UUID
    user_id: uuid.UUID
    reason: Reason
    created_at: datetime


class ContactsPut(Body):
    """Hashes of everybody whom you never want to meet here; they replace those from before.

    Each is SHA-256 of `salt:address` in hexadecimal, the address in lower case: an e-mail address, or a phone number
    in the form +4915112345678.
    """

    model_config = with_example({"hashes": [_HASH]})

    hashes: list[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]] = Field(max_length=CONTACTS)


class ContactsShape(Shape):
    """How many hashes are kept for you, how many can be, and the salt to hash with."""

    model_config = with_example({"salt": "delete", "count": 1, "limit": CONTACTS})

    salt: str
    count: int
    limit: int


@router.post(
    "/block",
    operation_id="block",
    summary="Block somebody",
    status_code=status.HTTP_201_CREATED,
    responses=documented(*SIGNED_IN, "not_found", "cannot_target_self", "validation_error"),
)
async def block(me: Creating, body: PersonName) -> BlockShape:
    """For ever, both ways. It ends any match; they are not told."""
    return await me.create(lambda row: _block_shape(*row), None, safety.block, user_id=body.user_id, now=clock.now())


@router.get(
    "/blocks",
    operation_id="list_blocks",
    summary="Whom you have blocked",
    responses=documented(*SIGNED_IN, "validation_error"),
)
async def list_blocks(
    me: Me, limit: Annotated[Limit, Query()] = 100, offset: Annotated[Offset, Query()] = 0
) -> Page[BlockShape]:
    """The last one first."""
    rows = await me.run(safety.blocks)
    return page(rows, lambda row: _block_shape(*row), limit=limit, offset=offset)


@router.post(
    "/report",
    operation_id="report",
    summary="Report somebody",
    status_code=status.HTTP_201_CREATED,
    responses=documented(*SIGNED_IN, "not_found", "cannot_target_self", "validation_error"),
)
async def report(me: Creating, body: NewReport) -> ReportShape:
    """Moderators see it with their profile as it is now. Possible for another 30 days after an unmatch.

    About a message, they see what was written around it too.
    """
    complaint = Complaint(body.user_id, body.reason, body.details, body.photo_id, body.prompt_id)
    return await me.create(
        ReportShape.model_validate,
        None,
        reporting.report,
        complaint=complaint,
        message_id=body.message_id,
        and_block=body.block,
        now=clock.now(),
    )


@router.get(
    "/contacts",
    operation_id="get_contacts",
    summary="Contacts that you never want to meet",
    responses=documented(*SIGNED_IN),
)
async def get_contacts(me: Me) -> ContactsShape:
    """The hashes themselves are not given back."""
    return _contacts_shape(await me.run(contacts.count))


@router.put(
    "/contacts",
    operation_id="replace_contacts",
    summary="Say whom you never want to meet",
    responses=documented(*SIGNED_IN, "too_large", "validation_error", "rate_limited"),
)
async def replace_contacts(me: Me, rates: RateLimits, body: ContactsPut) -> ContactsShape:
    """Whoever has one of these addresses is never shown to you, nor you to them. Nobody is told.

    A few times a day: a list tells whether somebody whom you could see has one of its addresses.
    """
    await rates.check(settings().rate_limit_contacts, "contacts", str(me.claims.user_id))
    hashes = {bytes.fromhex(one) for one in body.hashes}
    return _contacts_shape(await me.run(contacts.replace, hashes=hashes, now=clock.now()))


def _block_shape(made: Block, person: User) -> BlockShape:
    return BlockShape(user_id=made.blocked_id, name=person.name, created_at=made.created_at)


def _contacts_shape(count: int) -> ContactsShape:
    return ContactsShape(salt=settings().contact_salt, count=count, limit=CONTACTS)
