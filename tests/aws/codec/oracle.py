"""Random values for any shape of a model, and botocore as judge of how they look on a wire.

`Values` makes the same values for the same seed. In the first turns every member of every structure
is there (as deep as shapes do not repeat), so that each operation's values touch all its shapes.
"""

import functools
import random
import string
import urllib.parse
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.serialize

from mallee.aws import errors, model
from mallee.aws.codec import constraints

SERVICES = ("ec2", "sts", "iam", "mallee")
REPEATS_MAX = 2
"""How often a shape may stand inside itself."""

FULL_TURNS = 4
"""As many as the largest union has members."""

_NASTY = ["&amp;", "<a>", "]]>", "\n", "\t ", " x ", "é", "日本", "😀", '"', "'", "%2F", "+", "="]
_PLAIN = string.ascii_letters + string.digits
_SAMPLES = [
    "ann@example.org",
    "arn:aws:outposts:us-east-1:123456789012:outpost/op-0123456789abcdef0",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:name-1",
    "arn:aws:ec2:us-east-1:123456789012:placement-group/spread",
    "us-east-1",
    "us-east-1a",
    "use1-az1",
    "t1.some",
    "fcapassoc-0123456789abcdef0",
    "fcap-0123456789abcdef0",
    "123456789012",
    "123456",
    "10.20.30.40",
    "/division/",
    "/",
    "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111",
    "o-a1b2c3d4e5",
    "p-12345678",
    "v12",
    "https://example.com/path",
    "ABCDEFGHIJKLMNOPQRST",
    "abcdefghijklmnopqrstuvwxyz",
    "arn:aws:iam::123456789012:user/somebody",
    "arn:aws:kms:us-east-1:123456789012:key/0123abcd",
    "arn:aws:iam::123456789012:role/some",
    "arn:aws:dlm:us-east-1:123456789012:policy/policy-0123456789abcdef0",
    "arn:aws:rbin:us-east-1:123456789012:rule/0123456789A",
    "0123456789A",
    "policy-0123456789abcdef0",
    "cron(0 9 * * ? *)",
    "09:00",
    "aws:kms:x",
    "snap-0123456789abcdef0",
]


class Values:
    """Values of shapes, made from a seed and the turn: the first turns have every member."""

    def __init__(self, service: model.ServiceModel, seed: str, turn: int) -> None:
        self._service = service
        self._random = random.Random(f"{seed}/{turn}")
        self._turn = turn
        self._is_full = turn < FULL_TURNS
        self.touched: set[str] = set()
        """Names of the shapes that the values so far were made of."""

    def request(self, shape: model.Shape) -> dict[str, Any]:
        """Return parameters that satisfy the model's constraints."""
        return self._structure(shape, (), is_request=True)

    def result(self, shape: model.Shape) -> dict[str, Any]:
        """Return a result; constraints do not hold for results."""
        return self._structure(shape, (), is_request=False)

    def _value(self, shape: model.Shape, above: tuple[str, ...], *, is_request: bool) -> Any:
        self.touched.add(shape.name)
        if shape.type == "structure":
            return self._structure(shape, above, is_request=is_request)
        if shape.type == "list":
            assert shape.member
            item = self._service.shape(shape.member.shape)
            count = self._count(shape, is_request=is_request)
            return [self._value(item, above, is_request=is_request) for _ in range(count)]
        if shape.type == "map":
            assert shape.key
            assert shape.value
            count = self._count(shape, is_request=is_request)
            key, value = (
                self._service.shape(shape.key.shape),
                self._service.shape(shape.value.shape),
            )
            entries: dict[Any, Any] = {}
            for _ in range(20):
                if len(entries) == count:
                    break
                made = self._value(key, above, is_request=is_request)
                entries[made] = self._value(value, above, is_request=is_request)
            return entries
        return self._scalar(shape, is_request=is_request)

    def _count(self, shape: model.Shape, *, is_request: bool) -> int:
        """Return a length: not 0 where an empty list is not there on the wire."""
        never_empty = is_request or self._service.protocol == "rest-xml"
        least = 1 if never_empty or self._is_full else 0
        count = self._random.randint(least, 2)
        if is_request and shape.min is not None:
            count = max(count, int(shape.min))
        if is_request and shape.max is not None:
            count = min(count, int(shape.max))
        return count

    def _structure(
        self, shape: model.Shape, above: tuple[str, ...], *, is_request: bool
    ) -> dict[str, Any]:
        within = (*above, shape.name)
        names = [name for name in shape.members if self._may_hold(shape.members[name], within)]
        if shape.union:
            chosen = {names[self._turn % len(names)]}
        elif self._is_full:
            chosen = set(names)
        else:
            chosen = {name for name in names if self._random.random() < 3 / (3 + len(names))}
            chosen |= {self._random.choice(names)} if names else set()
        if is_request:
            chosen |= set(shape.required)
        return {
            name: self._value(
                self._service.shape(shape.members[name].shape), within, is_request=is_request
            )
            for name in shape.members
            if name in chosen
        }

    def _may_hold(self, member: model.Member, above: tuple[str, ...]) -> bool:
        shape = self._service.shape(member.shape)
        if shape.type == "list" and shape.member:
            return self._may_hold(shape.member, above)
        if shape.type == "map" and shape.value:
            return self._may_hold(shape.value, above)
        return shape.type != "structure" or (
            above.count(shape.name) < REPEATS_MAX and bool(shape.members)
        )

    def _scalar(self, shape: model.Shape, *, is_request: bool) -> Any:
        chance = self._random
        match shape.type:
            case "boolean":
                return chance.random() < 0.5
            case "integer" | "long":
                bits = 31 if shape.type == "integer" else 63
                least, most = self._bounds(shape, 1 << bits, is_request=is_request)
                return chance.randint(int(least), int(most) - (not is_request))
            case "float" | "double":
                least, most = self._bounds(shape, 1e6, is_request=is_request)
                return chance.uniform(least, most)
            case "timestamp":
                return self._moment(is_request=is_request)
            case "blob":
                return chance.randbytes(chance.randint(int(shape.min or 0), 20))
            case _:
                return self._request_text(shape) if is_request else self._text()

    def _bounds(
        self, shape: model.Shape, extreme: float, *, is_request: bool
    ) -> tuple[float, float]:
        if not is_request:
            return -extreme, extreme
        least = -extreme if shape.min is None else shape.min
        return least, (extreme - 1 if shape.max is None else shape.max)

    def _moment(self, *, is_request: bool) -> datetime:
        moment = datetime(1990, 1, 1, tzinfo=UTC) + timedelta(
            seconds=self._random.randint(0, 2_000_000_000)
        )
        if is_request and self._service.protocol != "rest-xml":
            return moment.replace(microsecond=self._random.choice([0, 1, 250000, 999999]))
        if self._service.protocol == "ec2":
            return moment.replace(microsecond=self._random.choice([0, 1000, 999000]))
        return moment

    def _text(self) -> str:
        """Return text, without the line ends that XML parsers change, which botocore sends raw."""
        return "".join(
            self._random.choice(_NASTY)
            if self._random.random() < 0.3
            else self._random.choice(_PLAIN)
            for _ in range(self._random.randint(0, 8))
        )

    def _request_text(self, shape: model.Shape) -> str:
        if shape.enum:
            return self._random.choice(shape.enum)
        least, most = int(shape.min or 0), int(shape.max if shape.max is not None else 200)
        if shape.pattern is None:
            text = self._text()[:most]
            return text + "x" * (least - len(text))
        return self._random.choice(_matching(shape.pattern, least, most))


@functools.cache
def _matching(pattern: str, least: int, most: int) -> list[str]:
    compiled = constraints.compile_pattern(pattern)
    tried = [*_SAMPLES, *(letter * max(least, 1) for letter in "a1/ vA"), "/" + "x" * least + "/"]
    fitting = [text for text in tried if least <= len(text) <= most and compiled.fullmatch(text)]
    assert fitting, f"no sample for {pattern} of {least} to {most} characters: add one"
    return fitting


@functools.cache
def botocore_model(service: str) -> botocore.model.ServiceModel:
    """Return botocore's own model, and for our own service its reading of our file."""
    if service == "mallee":
        document = botocore.loaders.JSONFileLoader().load_file(_own_model_path())
        for name, operation in document["operations"].items():
            operation.setdefault("name", name)
            operation.setdefault("http", {"method": "POST", "requestUri": "/"})
        return botocore.model.ServiceModel(document, service)
    loaded = botocore.loaders.Loader().load_service_model(service, "service-2")
    return botocore.model.ServiceModel(loaded, service)


def _own_model_path() -> str:
    import mallee.aws.models

    return f"{next(iter(mallee.aws.models.__path__))}/mallee"


def botocore_parameters(service: str, operation: str, request: Any) -> list[tuple[str, str]]:
    """Return what botocore sends for the request, as a server reads it from the body."""
    described = botocore_model(service)
    serializer = botocore.serialize.create_serializer(described.metadata["protocol"])
    sent = serializer.serialize_to_request(request, described.operation_model(operation))
    return urllib.parse.parse_qsl(
        urllib.parse.urlencode(sent["body"]), keep_blank_values=True, strict_parsing=True
    )


def botocore_result(service: str, operation: str, body: bytes, status: int = 200) -> Any:
    """Return what botocore gives its caller for the answer."""
    described = botocore_model(service)
    parser = botocore.parsers.create_parser(described.metadata["protocol"])
    shape = described.operation_model(operation).output_shape
    return parser.parse({"body": body, "headers": {}, "status_code": status}, shape)


def refusal(call: Callable[[], Any]) -> errors.AwsError:
    """Return the AWS error that the call raises."""
    try:
        value = call()
    except errors.AwsError as error:
        return error
    raise AssertionError(f"not refused: {value!r}")


def operations() -> list[tuple[str, str]]:
    """Return every operation of every service."""
    return [(service, name) for service in SERVICES for name in model.load(service).operations]
