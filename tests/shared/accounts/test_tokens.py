"""Tokens: what is signed is believed, and nothing else, whatever it looks like."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.accounts.tokens import AUDIENCE, ISSUER, Claims, KeyRing, new_secret, secret_hash
from shared.errors import Refusal
from shared.settings import Settings

KEY, OTHER_KEY, THIRD_KEY = "k" * 64, "o" * 64, "t" * 64
NOW = datetime.now(UTC)
CLAIMS = Claims(uuid.uuid4(), uuid.uuid4(), "an identifier")


def ring(key: str = KEY, *retired: str, **more: Any) -> KeyRing:
    return KeyRing(Settings(secret_key=key, retired_secret_keys=list(retired), **more))


def issue(keys: KeyRing, kind: Literal["access", "refresh"] = "access", *, lasts: float = 3600) -> str:
    return keys.issue(kind, CLAIMS, issued=NOW, expires=NOW + timedelta(seconds=lasts))


def kid_of(keys: KeyRing) -> str:
    return str(jwt.get_unverified_header(issue(keys))["kid"])


def sign(header: object, payload: object, *, key: str = KEY, digest: str = "sha256") -> str:
    """A token signed well, whatever it says."""
    signed = f"{_encoded(header)}.{_encoded(payload)}"
    return f"{signed}.{_encoded(hmac.digest(key.encode(), signed.encode(), digest))}"


def forge(*, key: str = KEY, algorithm: str = "HS256", headers: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token like ours but for what is given; a claim of None is left out."""
    payload = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(CLAIMS.user_id),
        "sid": str(CLAIMS.session_id),
        "type": "access",
        "jti": CLAIMS.jti,
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 3600,
        **claims,
    }
    payload = {name: value for name, value in payload.items() if value is not None}
    header = {"alg": algorithm, "typ": "JWT", "kid": kid_of(ring()), **(headers or {})}
    return sign(header, payload, key=key, digest=f"sha{algorithm.removeprefix('HS')}")


def refused(token: str, kind: Literal["access", "refresh"] = "access", keys: KeyRing | None = None) -> str:
    with pytest.raises(Refusal) as caught:
        (keys or ring()).read(token, kind)
    assert caught.value.status == 401
    return caught.value.code


def _encoded(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_what_is_issued_can_be_read() -> None:
    assert ring().read(issue(ring(), "access"), "access") == CLAIMS
    assert ring().read(issue(ring(), "refresh"), "refresh") == CLAIMS
    assert ring().read(forge(), "access") == CLAIMS, "or else the forgeries below prove nothing"


def test_the_same_arguments_give_the_same_token() -> None:
    assert issue(ring(), "refresh") == issue(ring(), "refresh")


def test_the_type_is_checked() -> None:
    assert refused(issue(ring(), "access"), "refresh") == "token_invalid"
    assert refused(issue(ring(), "refresh"), "access") == "token_invalid"
    assert refused(forge(type="verify")) == "token_invalid"


@pytest.mark.parametrize("missing", ["sub", "sid", "type", "exp", "iat", "jti", "iss", "aud"])
def test_every_claim_is_required(missing: str) -> None:
    assert refused(forge(**{missing: cast("Any", None)})) == "token_invalid"


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "somebody"},
        {"iss": [ISSUER]},
        {"aud": "delete-admin"},
        {"aud": []},
        {"sub": "ada"},
        {"sub": 7},
        {"sid": "7"},
        {"sid": 7},
        {"sid": ["x"]},
        {"type": ["access"]},
        {"jti": 7},
        {"iat": "yesterday"},
        {"iat": int(NOW.timestamp()) + 3600},
        {"exp": "tomorrow"},
        {"exp": [1]},
        {"nbf": int(NOW.timestamp()) + 3600},
    ],
    ids="-".join,
)
def test_every_claim_is_checked(wrong: dict[str, Any]) -> None:
    assert refused(forge(**wrong)) == "token_invalid"


def test_an_expired_token_says_so() -> None:
    assert refused(issue(ring(), lasts=-6)) == "token_expired"
    assert refused(forge(exp=int(NOW.timestamp()) - 6)) == "token_expired"


def test_a_clock_that_is_a_little_ahead_issues_good_tokens() -> None:
    now = int(time.time())
    assert ring().read(forge(iat=now + 3), "access") == CLAIMS
    assert refused(forge(iat=now + 30)) == "token_invalid"


def test_an_expired_token_of_somebody_else_is_just_invalid() -> None:
    assert refused(forge(key=OTHER_KEY, exp=1)) == "token_invalid"


def test_another_key_is_refused_even_under_our_kid() -> None:
    assert refused(forge(key=OTHER_KEY)) == "token_invalid"
    assert refused(issue(ring(OTHER_KEY))) == "token_invalid"


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_only_the_configured_algorithm_is_accepted(algorithm: Literal["HS384", "HS512"]) -> None:
    assert refused(forge(algorithm=algorithm)) == "token_invalid"
    keys = ring(algorithm=algorithm)
    assert keys.read(issue(keys), "access") == CLAIMS
    assert refused(issue(ring()), keys=keys) == "token_invalid"


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "", None, 7, ["HS256"], {"HS256": 1}])
def test_no_algorithm_is_refused(name: object) -> None:
    token = forge(headers={"alg": name})
    assert refused(token) == "token_invalid"
    assert refused(token.rpartition(".")[0] + ".") == "token_invalid"


@pytest.mark.parametrize("kid", [None, "", "unknown", 7, [], {}, "../../dev/null", "' OR 1=1", "\0", "\ud800"])
def test_the_key_id_must_be_one_of_ours(kid: object) -> None:
    assert refused(forge(headers={"kid": kid})) == "token_invalid"


def test_a_token_without_a_key_id_is_refused() -> None:
    claims = jwt.decode(forge(), options={"verify_signature": False})
    assert refused(sign({"alg": "HS256", "typ": "JWT"}, claims)) == "token_invalid"


def test_a_critical_extension_that_we_do_not_know_is_refused() -> None:
    assert refused(forge(headers={"crit": ["exp2"], "exp2": 1})) == "token_invalid"


def test_no_character_can_be_changed() -> None:
    token = issue(ring())
    signature = base64.urlsafe_b64decode(token.rpartition(".")[2] + "==")
    for index, char in enumerate(token):
        changed = token[:index] + chr(ord(char) ^ 1) + token[index + 1 :]
        if index == len(token) - 1 and base64.urlsafe_b64decode(changed.rpartition(".")[2] + "==") == signature:
            continue  # the last character carries bits that mean nothing
        assert refused(changed) == "token_invalid"


@given(st.one_of(st.text(), st.from_regex(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*", fullmatch=True)))
def test_arbitrary_text_is_invalid_and_no_error(text: str) -> None:
    assert refused(text) == "token_invalid"
    assert refused(text, "refresh") == "token_invalid"


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=6,
)


@given(
    header=st.one_of(JSON, st.fixed_dictionaries({"alg": JSON}, optional={"kid": JSON, "typ": JSON, "b64": JSON})),
    payload=JSON,
    signature=st.binary(max_size=40),
)
def test_any_json_in_the_form_of_a_token_is_invalid_and_no_error(
    header: object, payload: object, signature: bytes
) -> None:
    assert refused(f"{_encoded(header)}.{_encoded(payload)}.{_encoded(signature)}") == "token_invalid"


@given(st.dictionaries(st.sampled_from(["sub", "sid", "type", "jti", "iss", "aud", "iat", "exp", "nbf"]), JSON))
def test_any_claims_that_we_did_not_make_are_refused_even_if_signed(claims: dict[str, Any]) -> None:
    """As a token would be whose key was stolen, or that a later version of this program signed."""
    assert refused(sign({"alg": "HS256", "kid": kid_of(ring())}, claims)) in {"token_invalid", "token_expired"}


@pytest.mark.parametrize(
    ("claim", "number"),
    [(claim, number) for claim in ("exp", "iat", "nbf") for number in (float("inf"), float("-inf"))]
    + [("exp", float("nan")), ("exp", -(10**400)), ("iat", 10**400), ("nbf", 10**400)],
)
def test_impossible_times_are_refused(claim: str, number: float) -> None:
    assert refused(forge(**{claim: cast("Any", number)})) in {"token_invalid", "token_expired"}


@pytest.mark.parametrize("depth", [900, 1000, 3000, 30_000, 200_000])
def test_deep_json_is_invalid_and_no_error(depth: int) -> None:
    deep = b'{"alg":"HS256","kid":' + b"[" * depth + b"]" * depth + b"}"
    assert refused(f"{_encoded(deep)}.e30.AA") == "token_invalid"
    assert refused(f"{_encoded(b'[' * depth)}.e30.AA") == "token_invalid"


def test_the_signing_key_can_change_without_logging_anyone_out() -> None:
    old, new = ring(KEY), ring(OTHER_KEY, KEY)
    assert new.read(issue(old, "access"), "access") == CLAIMS
    assert new.read(issue(old, "refresh"), "refresh") == CLAIMS
    assert kid_of(new) != kid_of(old)
    assert refused(issue(new), keys=old) == "token_invalid"
    third = ring(THIRD_KEY, OTHER_KEY, KEY)
    assert third.read(issue(old), "access") == CLAIMS
    assert third.read(issue(new), "access") == CLAIMS
    assert refused(issue(old), keys=ring(OTHER_KEY)) == "token_invalid", "until its key is retired for good"


def test_the_key_id_does_not_give_the_key_away() -> None:
    assert KEY not in kid_of(ring())
    assert kid_of(ring()) != hashlib.sha256(KEY.encode()).hexdigest()[:12]


@pytest.mark.parametrize(("algorithm", "least"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_short_key_is_refused(algorithm: Literal["HS256", "HS384", "HS512"], least: int) -> None:
    Settings(algorithm=algorithm, secret_key="k" * least, retired_secret_keys=["r" * least])
    with pytest.raises(ValidationError, match=f"at least {least} bytes"):
        Settings(algorithm=algorithm, secret_key="k" * (least - 1))
    with pytest.raises(ValidationError, match=f"at least {least} bytes"):
        Settings(algorithm=algorithm, secret_key="k" * least, retired_secret_keys=["r" * (least - 1)])


def test_a_secret_has_one_successor_that_only_the_key_can_tell() -> None:
    secret = new_secret()
    assert ring().successor(secret) == ring().successor(secret)
    assert ring().successor(secret) != ring(OTHER_KEY).successor(secret)
    assert ring().successor(secret) != ring().successor(new_secret())
    assert secret not in ring().successor(secret)


def test_secrets_are_long_and_never_the_same() -> None:
    secrets = {new_secret() for _ in range(200)}
    assert len(secrets) == 200
    assert {len(base64.urlsafe_b64decode(secret + "==")) for secret in secrets} == {32}
    assert len({secret_hash(secret) for secret in secrets}) == 200
