"""An ordinary client of this cloud's APIs, for the tools that run beside it.

It signs with the first account's key and speaks each service as its vendored model has it, with
botocore's serialisers and parsers: nothing here could not be done with any AWS SDK.
Used by `up`, `doctor`, `faststart` and the command line.
"""

# botocore has no types of its own.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import importlib.resources
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import botocore.httpsession
import botocore.model
import botocore.parsers
import botocore.serialize

from mallee.kit import files
from mallee.model.configuration import settings
from mallee.model.layout import Layout

TIMEOUT_S = 30.0
NOT_FOUND = 404


class Unreachable(Exception):
    """The cloud does not answer, or there is none; the message says what was tried."""


class Refused(Exception):
    """The cloud answered with an error."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where the cloud is and who calls."""

    endpoint: str
    region: str
    account_id: str
    access_key_id: str
    secret_access_key: str

    def __repr__(self) -> str:
        return f"Access({self.endpoint}, {self.access_key_id})"


def read_access(layout: Layout, held: settings.Settings) -> Access:
    """Return how the cloud under this root is reached; raise `Unreachable` when it never ran."""
    ports = files.read_json(layout.cloud_ports)
    credentials = files.read_json(layout.admin_credentials)
    if ports is None or credentials is None:
        raise Unreachable(f"no cloud runs under {layout.root}")
    endpoint = f"http://{own_door(held)}:{ports['services']}"
    return Access(endpoint=endpoint, region=held.region, **credentials)


def own_door(held: settings.Settings) -> str:
    """Return at which address, as URLs have it, this machine itself reaches what listens as the
    settings say."""
    # At `::` it listens by IPv6 alone.
    door = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(held.listen, held.listen)
    return f"[{door}]" if ":" in door else door


def serves_objects(access: Access) -> bool:
    """Tell whether S3 answers: it knows that a bucket is not there, which nobody else would say."""
    # Who serves S3 keeps the connection, and may change: what is asked next shall not hang on it.
    request = botocore.awsrequest.AWSRequest(
        method="HEAD", url=f"{access.endpoint}/-", headers={"Connection": "close"}
    )
    try:
        answer = _session().send(request.prepare())
    except botocore.exceptions.BotoCoreError:
        return False
    return answer.status_code == NOT_FOUND and "x-amz-request-id" in answer.headers


def stranger(endpoint: str, region: str) -> Access:
    """Return what calls are made with that nobody signs."""
    return Access(
        endpoint=endpoint, region=region, account_id="", access_key_id="", secret_access_key=""
    )


def call(
    access: Access, service: str, operation: str, parameters: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Call an operation and return its result, as boto3 would.

    Raises `Refused` when the answer is an error, `Unreachable` when there is none.
    """
    model = _model(service)
    shape = model.operation_model(operation)
    request = _prepare(access, model, shape, parameters or {})
    try:
        answer = _session().send(request)
    except botocore.exceptions.BotoCoreError as error:
        raise Unreachable(f"{access.endpoint} does not answer: {error}") from error
    parser = botocore.parsers.create_parser(model.protocol)
    response = {
        "body": answer.content,
        "headers": answer.headers,
        "status_code": answer.status_code,
    }
    parsed: dict[str, Any] = parser.parse(response, shape.output_shape)
    if answer.status_code >= 300:
        error = parsed.get("Error", {})
        raise Refused(error.get("Code", str(answer.status_code)), error.get("Message", ""))
    return parsed


def _prepare(
    access: Access,
    model: botocore.model.ServiceModel,
    shape: botocore.model.OperationModel,
    parameters: Mapping[str, Any],
) -> botocore.awsrequest.AWSPreparedRequest:
    # What is wrong with a request is for the cloud to say: it has the same model.
    serializer = botocore.serialize.create_serializer(model.protocol, include_validation=False)
    made: dict[str, Any] = serializer.serialize_to_request(dict(parameters), shape)
    request = botocore.awsrequest.AWSRequest(
        method=made["method"],
        url=access.endpoint + made["url_path"],
        data=made["body"],
        headers=made["headers"],
    )
    if access.access_key_id:
        who = botocore.credentials.Credentials(access.access_key_id, access.secret_access_key)
        botocore.auth.SigV4Auth(who, model.signing_name, access.region).add_auth(request)
    return request.prepare()


@lru_cache
def _model(service: str) -> botocore.model.ServiceModel:
    path = importlib.resources.files("mallee.aws.models") / f"{service}.json"
    return botocore.model.ServiceModel(json.loads(path.read_bytes()), service)


def forget_connections() -> None:
    """Let go of connections that are kept for the next call: in another network namespace, or to
    another machine at the same address, they lead nowhere."""
    _session.cache_clear()


@lru_cache
def _session() -> botocore.httpsession.URLLib3Session:
    # No proxy of the environment stands between us and our own machine.
    return botocore.httpsession.URLLib3Session(proxies={}, timeout=TIMEOUT_S)
