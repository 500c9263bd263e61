"""Calls of a cloud, made with botocore's serialisers, parsers and signatures: what `client` speaks.

Imported by `client` alone, and late: see there. Not its business: who calls, and where.
"""

# botocore has no types of its own.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import importlib.resources
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from mallee.box.access import Access, Refused, Unreachable
from mallee.kit import lean

with lean.without("awscrt"), lean.without("OpenSSL"):
    # Native halves for signatures of several regions and for old TLS: a tenth of a second.
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials
    import botocore.exceptions
    import botocore.httpsession
    import botocore.model
    import botocore.parsers
    import botocore.serialize

TIMEOUT_S = 30.0
NOT_FOUND = 404


def call(
    access: Access, service: str, operation: str, parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Call an operation and return its result, as boto3 would.

    Raises `Refused` when the answer is an error, `Unreachable` when there is none.
    """
    model = _model(service)
    shape = model.operation_model(operation)
    request = _prepare(access, model, shape, parameters)
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
    try:
        parsed: dict[str, Any] = parser.parse(response, shape.output_shape)
    except botocore.parsers.ResponseParserError as error:
        # Something else listens there, or stands between.
        raise Unreachable(
            f"{access.endpoint} answers as no cloud does, with HTTP status {answer.status_code}"
        ) from error
    if answer.status_code >= 300:
        error = parsed.get("Error", {})
        raise Refused(error.get("Code", str(answer.status_code)), error.get("Message", ""))
    return parsed


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


def forget_connections() -> None:
    """Let go of connections that are kept for the next call."""
    _session.cache_clear()


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


@lru_cache
def _session() -> botocore.httpsession.URLLib3Session:
    # No proxy of the environment stands between us and our own machine.
    return botocore.httpsession.URLLib3Session(proxies={}, timeout=TIMEOUT_S)
