"""What tests of signing up and in share."""

import uuid
from typing import Any

from fastapi.testclient import TestClient
from httpx2 import Response

from tests.people import PASSWORD

TOKENS = {"access_token", "refresh_token", "token_type", "expires_in"}
OF_A_LOGIN = TOKENS | {"device_token", "user", "restored"}
REQUIRED = {"password": PASSWORD, "name": "Ada", "birth_date": "1990-12-10"}


def post_signup(client: TestClient, **more: Any) -> Response:
    body = {"email": f"{uuid.uuid4().hex}@example.com", **REQUIRED, **more}
    return client.post("/v1/auth/signup", json={name: value for name, value in body.items() if value is not ...})
