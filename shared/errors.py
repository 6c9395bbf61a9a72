"""Every error a client can be told: one table of code, status and words, and the exception that carries one."""

from collections.abc import Mapping
from typing import Any, Final

ERRORS: Final[dict[str, tuple[int, str]]] = {
    "validation_error": (422, "Some of what you sent is not right."),
    "invalid_credentials": (401, "That e-mail address, username or password is not right."),
    "not_authenticated": (401, "Please log in."),
    "token_expired": (401, "Your session needs a refresh."),
    "token_invalid": (401, "This token is not valid. Please log in again."),
    "token_reused": (401, "This login was used twice, so it was ended to protect you. Please log in again."),
    "account_suspended": (403, "This account is suspended."),
    "forbidden": (403, "You may not do this."),
    "likes_paused": (403, "Your likes are paused."),
    "not_in_match": (404, "You are in no such match."),
    "not_found": (404, "There is nothing here."),
    "method_not_allowed": (405, "This address does not understand that method."),
    "request_timeout": (408, "This took too long to arrive. Please try again."),
    "email_taken": (409, "There is already an account with this e-mail address."),
    "username_taken": (409, "This username is taken. Please choose another."),
    "invalid_transition": (409, "That is not possible in the present state."),
    "photo_limit": (409, "You already have as many photos as fit. Delete one to add another."),
    "prompt_limit": (409, "You have answered as many prompts as fit. Delete one to answer another."),
    "prompt_already_answered": (409, "You have answered this prompt already. Change that answer instead."),
    "quiz_too_soon": (409, "You have taken the quiz not long ago."),
    "already_liked": (409, "You have liked this person already."),
    "already_matched": (409, "You two have matched already."),
    "nothing_to_rewind": (409, "There is no pass that could be taken back."),
    "idempotency_conflict": (409, "You have sent something else under this name before."),
    "match_closed": (409, "This match has ended."),
    "too_large": (413, "This is larger than allowed."),
    "unsupported_media": (415, "This kind of file is not supported."),
    "underage": (422, "You must be an adult to join."),
    "weak_password": (422, "This password is too easy to guess. Please choose another."),
    "quiz_incomplete": (422, "Please answer every question of the quiz."),
    "cannot_target_self": (422, "That is you."),
    "comment_required": (422, "Please write a personal comment with this like."),
    "comment_duplicated": (422, "You have sent nearly the same comment before. Say something that is only for them."),
    "comment_contact_info": (422, "Please leave out contact details. You can share them once you have matched."),
    "daily_like_limit": (429, "You have used all your likes of today. There will be new ones tomorrow."),
    "too_fast": (429, "That was fast. Take a moment for each person."),
    "rate_limited": (429, "Too many tries. Please wait a moment."),
    "internal_error": (500, "Something went wrong on our side. Please try again."),
    "service_unavailable": (503, "We are not fully available right now. Please try again in a moment."),
}


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault
    """A request is refused for a reason that its sender is told.

    `code` is a key of ERRORS; `message` replaces the table's words where more can be said; `details` is JSON, in which
    moments and ids may stand as they are.
    """

    def __init__(
        self,
        code: str,
        message: str | None = None,
        *,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status, words = ERRORS[code]
        self.code = code
        self.message = message or words
        self.details = details
        self.headers = headers
        super().__init__(self.message)


def invalid(field: str, message: str) -> Refusal:
    """The refusal of one field of a body, for what only the database can tell to be wrong."""
    return Refusal("validation_error", message, details={"fields": [{"field": f"body.{field}", "message": message}]})
