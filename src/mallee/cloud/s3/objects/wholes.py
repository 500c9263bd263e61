"""Checksums of objects that come in parts: of each part, and of the whole.

An upload has one algorithm, or none; then parts get S3's own, which costs nothing, because the
engine computes it anyway. A *full* checksum is combined from those of the parts, a *composite* one
is the checksum of theirs. Pure. Called by `uploads` and `copying`.
"""

from collections.abc import Mapping, Sequence

from mallee.aws import checksums, errors
from mallee.aws.checksums import Algorithm
from mallee.cloud.s3.exchange import Taken
from mallee.cloud.s3.objects import about
from mallee.cloud.s3.objects.about import UploadAbout
from mallee.cloud.s3.rows import Asked
from mallee.walrus import crc
from mallee.walrus.records import Content, UploadPart

OWN = Algorithm.CRC64NVME


def kind_of(algorithm: str, kind: str | None) -> str:
    """Return the type of checksum that an upload's object will have; empty without algorithm."""
    if not algorithm:
        if kind:
            raise errors.s3.InvalidRequest(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm "
                "header."
            )
        return ""
    known = Algorithm.__members__.get(algorithm)
    if known is None:
        raise errors.s3.InvalidRequest(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid "
            f"types: [{', '.join(Algorithm.__members__)}]"
        )
    wanted = kind or (about.COMPOSITE if known.composes else about.FULL)
    is_possible = known.combines if wanted == about.FULL else known.composes
    if wanted not in (about.FULL, about.COMPOSITE) or not is_possible:
        raise errors.s3.InvalidRequest(
            f"The {wanted[:100]} checksum type cannot be used with the {algorithm.lower()} "
            "checksum algorithm."
        )
    return wanted


def of_part(kept: UploadAbout, content: Content, taken: Taken) -> dict[str, bytes]:
    """Return the checksums that are kept with a part."""
    if not kept.algorithm:
        return {**own(content, taken), **{name: taken.checksums[name] for name in taken.given}}
    for name in taken.given:
        if name != kept.algorithm:
            raise errors.s3.InvalidRequest(
                f"Checksum Type mismatch occurred, expected checksum Type: "
                f"{kept.algorithm.lower()}, actual checksum Type: {name.lower()}"
            )
    return {kept.algorithm: taken.checksums[kept.algorithm]}


def own(content: Content, taken: Taken) -> dict[str, bytes]:
    """Return S3's own checksum of bytes: the engine's, unless these lie sealed."""
    name = OWN.value
    return {name: taken.checksums.get(name) or content.crc.to_bytes(crc.BYTES, "big")}


def agrees(part: UploadPart, listed: Asked) -> bool:
    """Tell whether the checksums that a list gives for a part are those of the part."""
    kept = about.of_part(part).checksums
    for algorithm in Algorithm:
        given: str | None = listed.get(algorithm.member)
        if given is None:
            continue
        found = kept.get(algorithm.value)
        if found is None or checksums.encode(found) != given:
            return False
    return True


def of_whole(kept: UploadAbout, asked: Asked, parts: Sequence[UploadPart]) -> dict[str, bytes]:
    """Return the checksum of the object; raise `BadDigest` when the request says another."""
    algorithm = Algorithm(kept.algorithm) if kept.algorithm else OWN
    kind = kept.checksum_type or about.FULL
    given_kind: str | None = asked.get("ChecksumType")
    if given_kind is not None and given_kind != kind:
        raise errors.s3.InvalidRequest(
            f"The upload was created using the {kind} checksum mode. The complete request must use "
            "the same checksum mode."
        )
    each = [(about.of_part(part).checksums.get(algorithm.value), part.size) for part in parts]
    known = [(digest, size) for digest, size in each if digest is not None]
    if len(known) < len(each):
        return {}
    if kind == about.FULL:
        whole = checksums.combine(algorithm, known)
        text = checksums.encode(whole)
    else:
        whole = checksums.of(algorithm, b"".join(digest for digest, _ in known))
        text = f"{checksums.encode(whole)}-{len(known)}"
    _check_given(asked, algorithm, text)
    return {algorithm.value: whole}


def _check_given(asked: Mapping[str, object], algorithm: Algorithm, text: str) -> None:
    for one in Algorithm:
        given = asked.get(one.member)
        if given is None:
            continue
        if one is not algorithm or given not in (text, text.partition("-")[0]):
            raise errors.s3.BadDigest(
                f"The {one.value.lower()} you specified did not match what we received."
            )


def hasher(algorithm: str) -> checksums.Hasher | None:
    """Return what computes an upload's checksum of a part; None: it has none."""
    return checksums.new(Algorithm(algorithm)) if algorithm else None
