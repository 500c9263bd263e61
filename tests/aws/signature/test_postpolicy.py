"""Forms do what their policy lets them, and what botocore signs holds."""

import base64
import datetime
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import botocore.auth
import botocore.signers
import pytest
from botocore.awsrequest import create_request_object
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from mallee.aws import errors
from mallee.aws.signature import postpolicy
from tests.aws.codec.oracle import refusal
from tests.aws.signature.wires import KEY_ID, NOW, SECRET, clock_at

LATER = "2026-11-21T09:00:00Z"
SIGNERS = {
    "v4": lambda who: botocore.auth.S3SigV4PostAuth(who, "s3", "us-east-1"),
    "v2": botocore.auth.HmacV1PostAuth,
}
EVERY = pytest.mark.parametrize("signer", SIGNERS)


def form(signer: str, conditions: list[Any], **fields: str) -> dict[str, str]:
    """Let botocore sign a policy; return the form's fields, names in lower case."""
    request = create_request_object(
        {"method": "POST", "url": "http://x/b", "headers": {}, "body": b"", "context": {}}
    )
    policy = {"expiration": LATER, "conditions": [{"bucket": "b"}, *conditions]}
    request.context["s3-presign-post-fields"] = dict(fields)
    request.context["s3-presign-post-policy"] = policy
    with clock_at(NOW):
        SIGNERS[signer](Credentials(KEY_ID, SECRET, "tok/en")).add_auth(request)
    made = request.context["s3-presign-post-fields"]
    return {name.lower(): value for name, value in made.items()}


def admit(fields: Mapping[str, str], *, now: float = NOW, bucket: str = "b") -> postpolicy.Policy:
    claim = postpolicy.parse(fields)
    assert claim is not None
    assert (claim.access_key_id, claim.session_token) == (KEY_ID, "tok/en")
    postpolicy.verify(claim, SECRET)
    policy = postpolicy.decode(claim.policy)
    postpolicy.check_fields(policy, fields, bucket, now)
    return policy


@EVERY
def test_what_botocore_signs_holds(signer: str) -> None:
    fields = form(signer, [{"key": "k"}, ["content-length-range", 1, 9]], key="k")
    policy = admit(fields)
    assert (policy.least, policy.most) == (1, 9)
    postpolicy.check_size(policy, 1)
    assert refusal(lambda: postpolicy.check_size(policy, 0)).code == "EntityTooSmall"
    assert refusal(lambda: postpolicy.check_size(policy, 10)).code == "EntityTooLarge"


@EVERY
def test_nothing_altered_holds(signer: str) -> None:
    fields = form(signer, [{"key": "k"}], key="k")
    claim = postpolicy.parse(fields)
    assert claim is not None
    assert "tok/en" not in repr(claim)
    assert refusal(lambda: postpolicy.verify(claim, "other")).code == "SignatureDoesNotMatch"
    wider = json.loads(base64.b64decode(fields["policy"]))
    wider["conditions"].append(["starts-with", "$x-amz-meta-a", ""])
    altered = {**fields, "policy": base64.b64encode(json.dumps(wider).encode()).decode()}
    assert refusal(lambda: admit(altered)).code == "SignatureDoesNotMatch"


@EVERY
@pytest.mark.parametrize(
    ("added", "sentence"),
    [
        ({"key": "other"}, 'Policy Condition failed: ["eq", "$key", "k"]'),
        ({"acl": "public-read"}, "Extra input fields: acl"),
        ({"x-amz-meta-a": "b"}, "Extra input fields: x-amz-meta-a"),
        ({"bucket": "other"}, "the form's bucket is not the one asked."),
        ({"content-type": "text/html"}, "Policy Condition failed"),
        ({"content-type": "image/png, text/html"}, "Policy Condition failed"),
    ],
)
def test_fields_beyond_the_policy_are_refused(
    signer: str, added: dict[str, str], sentence: str
) -> None:
    conditions = [{"key": "k"}, ["starts-with", "$Content-Type", "image/"]]
    fields = form(signer, conditions, key="k", **{"Content-Type": "image/png"})
    admit({**fields, "x-ignore-me": "yes"})
    admit({**fields, "content-type": "image/png, image/gif"})
    error = refusal(lambda: admit({**fields, **added}))
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert sentence in error.message


@EVERY
def test_a_policy_is_for_its_bucket_and_its_time(signer: str) -> None:
    fields = form(signer, [{"key": "k"}], key="k")
    assert "Policy Condition failed" in refusal(lambda: admit(fields, bucket="c")).message
    admit(fields, now=NOW + 3599)
    assert "Policy expired" in refusal(lambda: admit(fields, now=NOW + 3600)).message


def test_a_policy_without_a_bucket_is_for_none() -> None:
    policy = postpolicy.decode(_encoded({"expiration": LATER, "conditions": [{"key": "k"}]}))
    error = refusal(lambda: postpolicy.check_fields(policy, {"key": "k"}, "b", NOW))
    assert error.message.endswith("Extra input fields: bucket")


def test_an_unsigned_form_is_nobodys() -> None:
    assert postpolicy.parse({"key": "k"}) is None
    assert refusal(lambda: postpolicy.parse({"policy": "e30="})).code == "AccessDenied"


@pytest.mark.parametrize(
    ("altered", "code"),
    [
        ({"x-amz-algorithm": "AWS4-ECDSA-P256-SHA256"}, "InvalidArgument"),
        ({"x-amz-credential": f"{KEY_ID}/20261121/us-east-1/ec2/aws4_request"}, None),
        ({"x-amz-credential": f"{KEY_ID}/20261120/us-east-1/s3/aws4_request"}, None),
        ({"x-amz-credential": "a/b"}, None),
        ({"x-amz-credential": ""}, "InvalidArgument"),
        ({"x-amz-signature": ""}, "InvalidArgument"),
        ({"policy": ""}, "InvalidArgument"),
        ({"x-amz-date": ""}, "InvalidArgument"),
    ],
)
def test_half_a_signature_is_refused(altered: dict[str, str], code: str | None) -> None:
    fields = {**form("v4", [{"key": "k"}], key="k"), **altered}
    expected = code or "AuthorizationQueryParametersError"
    assert refusal(lambda: postpolicy.parse(fields)).code == expected


def _encoded(document: Any) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"expiration": LATER},
        {"expiration": "soon", "conditions": []},
        {"expiration": 5, "conditions": []},
        {"expiration": LATER, "conditions": {}},
        {"expiration": LATER, "conditions": [], "colour": "red"},
        {"expiration": LATER, "conditions": [5]},
        {"expiration": LATER, "conditions": [["eq", "key", "k"]]},
        {"expiration": LATER, "conditions": [["like", "$key", "k"]]},
        {"expiration": LATER, "conditions": [["eq", "$key", 5]]},
        {"expiration": LATER, "conditions": [{"key": None}]},
        {"expiration": LATER, "conditions": [["content-length-range", 1]]},
        {"expiration": LATER, "conditions": [["content-length-range", -1, 5]]},
        {"expiration": LATER, "conditions": [["content-length-range", 1.5, 5]]},
        {"expiration": LATER, "conditions": [{"key": "k"}] * 201},
    ],
)
def test_policies_that_mean_nothing_are_refused(document: Any) -> None:
    error = refusal(lambda: postpolicy.decode(_encoded(document)))
    assert error.code == "InvalidPolicyDocument"


@settings(deadline=None)
@given(
    st.one_of(st.text(max_size=30), st.binary(max_size=60).map(base64.b64encode).map(bytes.decode))
)
def test_garbage_is_no_policy(text: str) -> None:
    with pytest.raises(errors.s3.InvalidPolicyDocument):
        postpolicy.decode(text)


def test_deep_json_is_no_policy() -> None:
    deep = base64.b64encode(b'{"conditions":' + b"[" * 100_000).decode()
    assert refusal(lambda: postpolicy.decode(deep)).code == "InvalidPolicyDocument"


def test_the_narrowest_of_several_sizes_holds() -> None:
    ranges = [["content-length-range", "2", "10"], ["content-length-range", 1, 5]]
    policy = postpolicy.decode(_encoded({"expiration": LATER, "conditions": ranges}))
    assert (policy.least, policy.most) == (2, 5)


def test_version_2_signs_the_policy_as_it_stands() -> None:
    text = _encoded({"expiration": LATER, "conditions": []})
    mac = hmac.new(SECRET.encode(), text.encode(), hashlib.sha1).digest()
    fields = {
        "awsaccesskeyid": KEY_ID,
        "policy": text,
        "signature": base64.b64encode(mac).decode(),
    }
    claim = postpolicy.parse(fields)
    assert claim is not None
    postpolicy.verify(claim, SECRET)
    assert datetime.datetime.fromisoformat(LATER).timestamp() == (
        postpolicy.decode(text).expires_at
    )
