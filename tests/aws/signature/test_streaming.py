"""Bodies in chunks: Amazon's own examples hold, however they are cut, and nothing altered does."""

import base64
import hashlib
import hmac
import itertools
from collections.abc import Callable, Iterable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mallee.aws import checksums, errors
from mallee.aws.signature import check, s3, streaming
from mallee.aws.signature.s3 import Mode, Payload, Seed
from tests.aws.codec.oracle import refusal

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
OBJECT = b"a" * 66560
CRC = checksums.encode(checksums.of(checksums.Algorithm.CRC32C, OBJECT))


def _seed(signature: str) -> Seed:
    key = check.signing_key(SECRET, "20130524", "us-east-1", "s3")
    return Seed(key, "20130524T000000Z", "20130524/us-east-1/s3/aws4_request", signature)


def _chunk(data: bytes, signature: str) -> bytes:
    return b"%x;chunk-signature=%s\r\n%s\r\n" % (len(data), signature.encode(), data)


EXAMPLE = (
    _chunk(OBJECT[:65536], "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648")
    + _chunk(OBJECT[65536:], "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497")
    + _chunk(b"", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9")
)
"""As in Amazon's manual, `sigv4-streaming`."""
EXAMPLE_SEED = _seed("4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9")
PLAIN = Payload(Mode.CHUNKS, decoded_length=len(OBJECT))

TRAILING = (
    _chunk(OBJECT[:65536], "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2")
    + _chunk(OBJECT[65536:], "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7")
    + b"0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n"
    + b"x-amz-checksum-crc32c:sOO8/Q==\r\n"
    + b"x-amz-trailer-signature:"
    + b"d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
)
"""As in Amazon's manual, `sigv4-streaming-trailers`."""
TRAILING_SEED = _seed("106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e")
TRAILED = Payload(
    Mode.CHUNKS_TRAILER, decoded_length=len(OBJECT), trailers=("x-amz-checksum-crc32c",)
)

UNSIGNED = Payload(
    Mode.UNSIGNED_TRAILER, decoded_length=len(OBJECT), trailers=("x-amz-checksum-crc32c",)
)
UNSIGNED_BODY = b"10000\r\n%s\r\n400\r\n%s\r\n0\r\nX-Amz-Checksum-CRC32C: %s\r\n\r\n" % (
    OBJECT[:65536],
    OBJECT[65536:],
    CRC.encode(),
)

ALL: Mapping[str, tuple[Payload, Seed | None, bytes]] = {
    "signed": (PLAIN, EXAMPLE_SEED, EXAMPLE),
    "signed with trailer": (TRAILED, TRAILING_SEED, TRAILING),
    "unsigned with trailer": (UNSIGNED, None, UNSIGNED_BODY),
}
EVERY = pytest.mark.parametrize("name", ALL)


def read(payload: Payload, seed: Seed | None, pieces: Iterable[bytes]) -> tuple[bytes, object]:
    decoder = streaming.Decoder(payload, seed)
    out = b"".join(bytes(part) for piece in pieces for part in decoder.feed(piece))
    trailers = decoder.finish()
    assert decoder.is_complete
    return out, dict(trailers)


@EVERY
def test_amazons_examples_hold(name: str) -> None:
    payload, seed, body = ALL[name]
    expected = dict.fromkeys(payload.trailers, CRC)
    assert read(payload, seed, [body]) == (OBJECT, expected)


@EVERY
@settings(deadline=None, max_examples=50)
@given(cuts=st.lists(st.integers(0, len(TRAILING)), max_size=12))
def test_how_the_body_is_cut_is_nothing(name: str, cuts: list[int]) -> None:
    payload, seed, body = ALL[name]
    edges = [0, *sorted(cuts), len(body)]
    pieces = [body[start:end] for start, end in itertools.pairwise(edges)]
    assert read(payload, seed, pieces)[0] == OBJECT


@EVERY
def test_byte_by_byte_is_the_same(name: str) -> None:
    payload, seed, body = ALL[name]
    assert read(payload, seed, [body[n : n + 1] for n in range(len(body))])[0] == OBJECT


@EVERY
@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_one_altered_byte_is_never_accepted_where_chunks_are_signed(
    name: str, data: st.DataObject
) -> None:
    payload, seed, body = ALL[name]
    marks = [90, body.find(b"\r\n"), len(body) - 40, len(body) - 100]
    place = data.draw(
        st.one_of(
            st.integers(0, len(body) - 1),
            st.sampled_from(marks).flatmap(lambda at: st.integers(max(at - 90, 0), at)),
        )
    )
    altered = bytearray(body)
    altered[place] ^= data.draw(st.integers(1, 255))
    try:
        out, trailers = read(payload, seed, [bytes(altered)])
    except errors.AwsError:
        return
    assert seed is None or (out == OBJECT and trailers == read(payload, seed, [body])[1])
    assert len(out) == len(OBJECT)


@EVERY
def test_a_body_that_ends_early_is_incomplete(name: str) -> None:
    payload, seed, body = ALL[name]
    for end in (*range(0, 200), *range(65600, 65800), *range(len(body) - 300, len(body) - 5)):
        decoder = streaming.Decoder(payload, seed)
        decoder.feed(body[:end])
        error = refusal(decoder.finish)
        assert error.code in ("IncompleteBody", "MalformedTrailerError", "SignatureDoesNotMatch")


@EVERY
def test_nothing_may_follow_the_end(name: str) -> None:
    payload, seed, body = ALL[name]
    assert refusal(lambda: read(payload, seed, [body + b"x"])).code == "InvalidRequest"


@EVERY
def test_the_length_is_as_declared(name: str) -> None:
    payload, seed, body = ALL[name]
    for length in (len(OBJECT) - 1, len(OBJECT) + 1, 0):
        wrong = Payload(payload.mode, decoded_length=length, trailers=payload.trailers)
        assert refusal(lambda wrong=wrong: read(wrong, seed, [body])).code == "IncompleteBody"


def test_chunks_cannot_change_places() -> None:
    blocks = [bytes([number]) * 10 for number in range(3)]
    chunks = list(_signed(blocks))
    payload = Payload(Mode.CHUNKS, decoded_length=30)
    seed = _seed("0" * 64)
    assert read(payload, seed, chunks)[0] == b"".join(blocks)
    for order in ((1, 0, 2, 3), (0, 2, 1, 3), (0, 0, 2, 3), (0, 1, 1, 3)):
        moved = [chunks[number] for number in order]
        error = refusal(lambda moved=moved: read(payload, seed, moved))
        assert error.code == "SignatureDoesNotMatch"


def test_trailers_are_those_that_were_announced() -> None:
    def refused(change: Callable[[bytes], bytes]) -> str:
        return refusal(lambda: read(UNSIGNED, None, [change(UNSIGNED_BODY)])).code

    end = b"X-Amz-Checksum-CRC32C: " + CRC.encode() + b"\r\n"
    assert refused(lambda body: body.replace(end, b"")) == "MalformedTrailerError"
    assert refused(lambda body: body.replace(end, end + end)) == "MalformedTrailerError"
    assert refused(lambda body: body.replace(end, end + b"a: b\r\n")) == "MalformedTrailerError"
    assert refused(lambda body: body.replace(end, b"no colon\r\n")) == "MalformedTrailerError"
    assert refused(lambda body: body.replace(end, end[:-2] + b"\x00\r\n")) == (
        "MalformedTrailerError"
    )
    unsigned = TRAILING[: TRAILING.index(b"x-amz-trailer-signature")] + b"\r\n"
    error = refusal(lambda: read(TRAILED, TRAILING_SEED, [unsigned]))
    assert error.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    "body",
    [
        b"\r\n",
        b"-1\r\n",
        b"0x10\r\n",
        b"g\r\n",
        b"1" * 17 + b"\r\n",
        b"1" * 5000,
        b"1;" + b"x" * 5000,
        b"ffffffffffffffff\r\n",
        b"3\r\nabcd\r\n",
        b"3\r\nabc\n\n",
        b" 3\r\nabc\r\n",
    ],
)
def test_malformed_chunks_are_refused(body: bytes) -> None:
    payload = Payload(Mode.UNSIGNED_TRAILER, decoded_length=3)
    error = refusal(lambda: read(payload, None, [body, b"0\r\n\r\n"]))
    assert error.code in ("InvalidRequest", "IncompleteBody")


def test_a_chunk_without_a_signature_is_refused_where_they_are_signed() -> None:
    for head in (b"3\r\n", b"3;chunk-signature=\r\n", b"3;a=b\r\n", b"3;chunk-signature=AB\r\n"):
        decoder = streaming.Decoder(Payload(Mode.CHUNKS, decoded_length=3), EXAMPLE_SEED)
        assert refusal(lambda decoder=decoder, head=head: decoder.feed(head)).code == (
            "InvalidRequest"
        )
    with pytest.raises(ValueError, match="seed"):
        streaming.Decoder(PLAIN, None)


def test_a_missing_empty_line_at_the_end_is_forgiven() -> None:
    assert read(PLAIN, EXAMPLE_SEED, [EXAMPLE[:-2]])[0] == OBJECT


@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(st.binary(max_size=20), st.sampled_from([b"1\r\n", b"a\r\n", b"0\r\n"]))))
def test_garbage_is_refused_in_order(pieces: list[bytes]) -> None:
    for payload, seed in ((UNSIGNED, None), (PLAIN, EXAMPLE_SEED)):
        with pytest.raises(errors.s3.S3Error):
            read(payload, seed, pieces)


def _signed(blocks: list[bytes]) -> Iterable[bytes]:
    """Sign chunks as Amazon's manual says, for bodies that it has no example of."""
    seed = _seed("0" * 64)
    previous = seed.signature
    for block in (*blocks, b""):
        text = "\n".join(
            (
                "AWS4-HMAC-SHA256-PAYLOAD",
                seed.timestamp,
                seed.scope,
                previous,
                hashlib.sha256(b"").hexdigest(),
                hashlib.sha256(block).hexdigest(),
            )
        )
        previous = hmac.new(seed.key, text.encode(), hashlib.sha256).hexdigest()
        yield _chunk(block, previous)


def test_the_seed_is_the_requests_signature() -> None:
    assert s3.Mode.CHUNKS.is_signed
    assert base64.b64decode(CRC) == checksums.of(checksums.Algorithm.CRC32C, OBJECT)
    assert CRC == "sOO8/Q=="
