"""Whatever comes, decoding gives a request or an AWS error that its client can read."""

import urllib.parse

from hypothesis import given, settings
from hypothesis import strategies as st

from mallee.aws import codec, errors, model
from tests.aws.codec import oracle

QUIET = settings(derandomize=True, deadline=None, max_examples=400)

_KNOWN = """
    Filter Name Value 1 2 0 -1 member entry key value Tag Tags TagSpecification Placement
    NetworkInterface IpPermissions Groups ImageId MinCount UserName PolicyDocument
"""
_SEGMENTS = st.one_of(
    st.sampled_from(_KNOWN.split()), st.text(max_size=5), st.integers(0, 10**12).map(str)
)
_NAMES = st.lists(_SEGMENTS, min_size=1, max_size=6).map(".".join)
_TEXTS = st.one_of(st.text(max_size=20), st.sampled_from(["true", "1", "", "x" * 1000]))
_OPERATIONS = st.sampled_from(
    [
        ("ec2", "RunInstances"),
        ("ec2", "DescribeInstances"),
        ("ec2", "AuthorizeSecurityGroupIngress"),
        ("ec2", "CreateTags"),
        ("ec2", "CreateFleet"),
        ("iam", "CreateUser"),
        ("iam", "SimulateCustomPolicy"),
        ("iam", "GetAccountSummary"),
        ("sts", "AssumeRole"),
        ("mallee", "CreateAccount"),
    ]
)


def _decode_or_explain(target: tuple[str, str], pairs: list[tuple[str, str]]) -> None:
    service, operation = target
    speaks = codec.for_service(service)
    try:
        speaks.decode(operation, pairs)
    except errors.AwsError as error:
        refused = error
    else:
        return
    body = speaks.encode_error(refused, "request-1")
    read = oracle.botocore_result(service, operation, body, refused.status)
    assert read["Error"]["Code"] == refused.code


@QUIET
@given(_OPERATIONS, st.lists(st.tuples(_NAMES, _TEXTS), max_size=12))
def test_garbage_parameters_are_refused_in_words(
    target: tuple[str, str], pairs: list[tuple[str, str]]
) -> None:
    _decode_or_explain(target, pairs)


@QUIET
@given(_OPERATIONS, st.binary(max_size=200))
def test_garbage_bodies_are_refused_in_words(target: tuple[str, str], body: bytes) -> None:
    text = body.decode("latin-1")
    _decode_or_explain(target, urllib.parse.parse_qsl(text, keep_blank_values=True))


@QUIET
@given(st.data())
def test_a_right_request_with_one_thing_wrong_is_refused_in_words(data: st.DataObject) -> None:
    service, operation = data.draw(st.sampled_from(oracle.operations()))
    shape = model.load(service).operations[operation].input
    values = oracle.Values(model.load(service), operation, data.draw(st.integers(0, 9)))
    request = values.request(shape) if shape else {}
    pairs = oracle.botocore_parameters(service, operation, request)
    place = data.draw(st.integers(0, len(pairs) - 1))
    name, text = pairs[place]
    wrong = data.draw(
        st.sampled_from(
            [(name, ""), (name, text * 300), (f"{name}.1", text), (name + "x", text), (".", text)]
        )
        | st.tuples(st.just(name), st.text(max_size=8))
    )
    pairs[place] = wrong
    _decode_or_explain((service, operation), pairs)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.text(max_size=60))
def test_any_text_comes_back_from_botocore_as_it_was_or_replaced(text: str) -> None:
    body = codec.for_service("ec2").encode("DescribeTags", {"Tags": [{"Value": text}]}, "r")
    read = oracle.botocore_result("ec2", "DescribeTags", body)["Tags"][0]["Value"]
    assert len(read) == len(text)
    assert all(
        got == sent or (got == "\ufffd" and not sent.isprintable())
        for got, sent in zip(read, text, strict=True)
    )
