"""Write the service models that Mallee speaks from the pinned botocore, without their prose.

Run by hand when botocore's pin moves: `python tools/refresh_models.py`; `--check` writes nothing
and fails when a model differs from what botocore gives (a test calls it). Kept is exactly what
`mallee.aws.model` reads: a key that it does not know is not written. `mallee.json` is our own
service, written by hand, and not touched.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import botocore
import botocore.loaders
import msgspec

SERVICES = (
    *("ec2", "sts", "iam", "cloudtrail", "s3", "kms", "ec2-instance-connect"),
    *("rbin", "dlm", "ebs"),
)
FOLDER = Path(__file__).parent.parent / "src/mallee/aws/models"
NOTICE = """\
The files {names} in this folder are service models of botocore {version}, with their documentation
and everything else that Mallee does not read removed by tools/refresh_models.py.

botocore: Copyright 2012-2026 Amazon.com, Inc. or its affiliates. All Rights Reserved.
Licensed under the Apache License, Version 2.0.
https://github.com/boto/botocore

mallee.json is Mallee's own.
"""

Json = Mapping[str, Any]

METADATA_KEYS = (
    "apiVersion",
    "protocol",
    "xmlNamespace",
    "serviceId",
    "endpointPrefix",
    "signingName",
    "targetPrefix",
    "jsonVersion",
)
TARGET_KEYS = ("shape", "resultWrapper", "locationName", "xmlNamespace")
HTTP_KEYS = ("method", "requestUri", "responseCode")
MEMBER_KEYS = (
    "shape",
    "locationName",
    "queryName",
    "location",
    "idempotencyToken",
    "flattened",
    "timestampFormat",
    "xmlNamespace",
    "xmlAttribute",
    "streaming",
    "box",
    "jsonvalue",
    "hostLabel",
)
SHAPE_KEYS = (
    "type",
    "required",
    "min",
    "max",
    "pattern",
    "enum",
    "flattened",
    "locationName",
    "timestampFormat",
    "xmlNamespace",
    "payload",
    "streaming",
    "box",
    "sensitive",
    "union",
    "document",
    "eventstream",
    "exception",
)
CORRECTIONS = {
    r"^arn:aws([a-z-]+)?:ec2:[a-z\d-]+:\d{12}:placement-group/^.{1,255}$": (
        r"^arn:aws([a-z-]+)?:ec2:[a-z\d-]+:\d{12}:placement-group/.{1,255}$"
    ),
    r"^arn:\S+:rbin:[a-z\-0-9]{0,63}:[0-9]{12}:rule/[0-9a-zA-Z]{11}{0,1011}$": (
        r"^arn:\S+:rbin:[a-z\-0-9]{0,63}:[0-9]{12}:rule/[0-9a-zA-Z]{11}$"
    ),
}
"""Patterns that no text can match, or that are none, as they came, and what they must mean."""

VERBATIM = frozenset({("S3", "Expires"), ("S3", "ResponseExpires")})
"""What botocore calls times of a service, and is a text that is given back as it came."""

ERROR_KEYS = ("code", "httpStatusCode", "senderFault")


def main() -> int:
    """Write or check the models; return the process's exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    wanted = files()
    if parser.parse_args().check:
        stale = [path.name for path, data in wanted.items() if _read(path) != data]
        if stale:
            print(f"not as botocore {botocore.__version__} has them: {', '.join(stale)}; ")
            print("run: python tools/refresh_models.py")
        return 1 if stale else 0
    for path, data in wanted.items():
        path.write_bytes(data)
        print(f"{path.name}: {len(data)} bytes")
    return 0


def files() -> dict[Path, bytes]:
    """Return what each file of the folder should hold."""
    loader = botocore.loaders.Loader()
    texts = {
        FOLDER / f"{name}.json": msgspec.json.encode(
            stripped(loader.load_service_model(name, "service-2"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        )
        + b"\n"
        for name in SERVICES
    }
    notice = NOTICE.format(
        names=", ".join(f"{name}.json" for name in SERVICES), version=botocore.__version__
    )
    texts[FOLDER / "NOTICE"] = notice.encode()
    return texts


def stripped(model: Json) -> Json:
    """Return the model with only what `mallee.aws.model` reads; XML namespaces as it reads them."""
    metadata = _only(model["metadata"], METADATA_KEYS)
    return {
        "botocore": botocore.__version__,
        "metadata": metadata,
        "operations": {
            name: _operation(operation) for name, operation in model["operations"].items()
        },
        "shapes": {
            name: {"type": "string"} if (metadata["serviceId"], name) in VERBATIM else _shape(shape)
            for name, shape in model["shapes"].items()
        },
    }


def _operation(operation: Json) -> Json:
    kept: dict[str, Any] = {}
    http = _only(operation["http"], HTTP_KEYS)
    if http != {"method": "POST", "requestUri": "/"}:
        kept["http"] = http
    for side in ("input", "output"):
        if side in operation:
            kept[side] = _only(operation[side], TARGET_KEYS)
    if operation.get("errors"):
        kept["errors"] = [_only(error, ("shape",)) for error in operation["errors"]]
    return kept


def _shape(shape: Json) -> Json:
    kept = dict(_only(shape, SHAPE_KEYS))
    if shape.get("members"):
        kept["members"] = {
            name: _only(member, MEMBER_KEYS) for name, member in shape["members"].items()
        }
    for part in ("member", "key", "value"):
        if part in shape:
            kept[part] = _only(shape[part], MEMBER_KEYS)
    if "pattern" in kept:
        kept["pattern"] = CORRECTIONS.get(kept["pattern"], kept["pattern"])
    if "error" in shape:
        kept["error"] = _only(shape["error"], ERROR_KEYS)
    return kept


def _only(document: Json, keys: tuple[str, ...]) -> Json:
    return {key: document[key] for key in keys if key in document and document[key] is not False}


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


if __name__ == "__main__":
    sys.exit(main())
