"""Which service a request speaks to, and which of its actions it asks for.

One address serves every service, so a request is recognised by what it carries, the surest first:
the scope of its signature, the Host name (`ec2.…`), the path of a Eucalyptus endpoint
(`/services/compute`), and the API version that it names. Called by the pipeline before anything is
believed of the request: these functions trust nothing and decide nothing but a name.
"""

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mallee.aws import errors, model
from mallee.aws.codec import restjson
from mallee.aws.signature import claims
from mallee.cloud import http
from mallee.cloud.action import Action

_V4_SCOPE = re.compile(r"Credential=[^/,\s]+/\d{8}/[^/,\s]*/([A-Za-z0-9-]+)/aws4_request")
_QUERY_SCOPE = re.compile(r"[^/]+/\d{8}/[^/]*/([A-Za-z0-9-]+)/aws4_request")
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service, and the names under which clients know it."""

    name: str
    """As its model and its permissions have it; also the signing name."""
    hosts: tuple[str, ...]
    """First labels of a Host name."""
    paths: tuple[str, ...]
    """Last parts of Eucalyptus' paths `/services/…`, in lower case."""
    signs_as: str = ""
    """The service in the scope of its signatures, where that is another one."""
    is_shared: bool = False
    """Whether the process of S3 changes its things too: they are looked at anew each time."""
    internal: type[errors.AwsError] = errors.InternalFailure
    """What it answers when the fault is ours."""
    unavailable: type[errors.AwsError] = errors.ServiceUnavailable
    """What it answers when the cloud cannot remember anything at the moment."""


SERVICES: dict[str, Service] = {
    service.name: service
    for service in (
        Service(
            name="ec2",
            hosts=("ec2", "compute"),
            paths=("compute", "eucalyptus"),
            is_shared=True,
            internal=errors.InternalError,
            unavailable=errors.Unavailable,
        ),
        Service(
            name="iam",
            hosts=("iam", "euare"),
            paths=("euare",),
        ),
        Service(
            name="sts",
            hosts=("sts", "tokens"),
            paths=("tokens",),
        ),
        Service(
            name="ec2-instance-connect",
            hosts=("ec2-instance-connect",),
            paths=(),
            internal=errors.connect.ServiceException,
        ),
        Service(
            name="cloudtrail",
            hosts=("cloudtrail",),
            paths=(),
        ),
        Service(
            name="kms",
            hosts=("kms",),
            paths=(),
            is_shared=True,
            internal=errors.kms.KMSInternalException,
            unavailable=errors.kms.DependencyTimeoutException,
        ),
        Service(
            name="dlm",
            hosts=("dlm",),
            paths=(),
        ),
        Service(
            name="rbin",
            hosts=("rbin",),
            paths=(),
        ),
        Service(
            name="mallee",
            hosts=("mallee",),
            paths=("mallee",),
            is_shared=True,
        ),
    )
}

_BY_HOST = {host: service for service in SERVICES.values() for host in service.hosts}
_BY_PATH = {path: service for service in SERVICES.values() for path in service.paths}

_ACCOUNTS = dataclasses.replace(SERVICES["mallee"], signs_as="iam")
_OF_ACCOUNTS = frozenset(
    {
        "CreateAccount",
        "DeleteAccount",
        "DeleteAccountPolicy",
        "GetAccountPolicy",
        "ListAccountPolicies",
        "ListAccounts",
        "PutAccountPolicy",
    }
)
"""What Eucalyptus' clients ask of IAM besides AWS's operations: the administration answers it."""

_MIGRATIONS = dataclasses.replace(SERVICES["mallee"], signs_as="ec2")
_OF_HOSTS = frozenset({"MigrateInstances"})
"""The same of EC2."""

Parameters = Sequence[tuple[str, str]]


def check_endpoint(request: http.Request, parameters: Parameters = ()) -> None:
    """Raise unless the request comes by a method and to a path that requests may come by."""
    if _is_rest(_addressed(request, parameters)):
        # Methods and paths are its operations' names.
        return
    if request.method not in ("GET", "POST"):
        raise errors.MethodNotAllowed(request.method[:20])
    if request.path not in ("", "/") and _legacy_path(request.path) not in _BY_PATH:
        raise errors.NoSuchPath(request.path[:200])


def is_by_old_path(request: http.Request) -> bool:
    """Tell whether a request comes by one of Eucalyptus' paths."""
    return _legacy_path(request.path) in _BY_PATH


def find(request: http.Request, parameters: Parameters) -> Service:
    """Return the service that the request names; raise when it names none of this cloud's."""
    service = _named(request, parameters)
    if service.name == "iam" and _value(parameters, "Action") in _OF_ACCOUNTS:
        return _ACCOUNTS
    if service.name == "ec2" and _value(parameters, "Action") in _OF_HOSTS:
        return _MIGRATIONS
    return service


def _named(request: http.Request, parameters: Parameters) -> Service:
    scope = _scope(request, parameters)
    if scope:
        service = SERVICES.get(scope)
        if service is None and scope == claims.first_label(request.headers.get("host", "")):
            # What boto 2 makes of a host that it does not know; the old paths name the service.
            service = _BY_PATH.get(_legacy_path(request.path))
        if service is None:
            raise errors.UnsupportedOperation(f"The service {scope} is not part of this cloud.")
        return service
    label = request.headers.get("host", "").partition(".")[0].lower()
    service = _BY_HOST.get(label) or _BY_PATH.get(_legacy_path(request.path))
    service = service or _by_version(_value(parameters, "Version"))
    if service is None:
        raise errors.MissingAuthenticationToken
    return service


def find_operation(service: Service, parameters: Parameters, request: http.Request) -> str:
    """Return the operation's name as the model has it; raise what AWS answers when it has not."""
    match model.load(service.name).protocol:
        case "json":
            return _operation_of(service, request.headers.get("x-amz-target", ""))
        case "rest-json":
            return _operation_at(service, request)
        case _:
            return _operation_in(service, parameters)


def _operation_in(service: Service, parameters: Parameters) -> str:
    """Return the operation that a query names."""
    names = [value for name, value in parameters if name == "Action"]
    if len(names) != 1 or not names[0]:
        raise errors.MissingAction
    known = model.load(service.name)
    version = _value(parameters, "Version") or known.api_version
    if not _VERSION.fullmatch(version) or version > known.api_version:
        raise errors.NoSuchVersion(version, service.name)
    if names[0] not in known.operations:
        raise errors.InvalidAction(names[0], version)
    return names[0]


def _operation_at(service: Service, request: http.Request) -> str:
    """Return the operation to which method and path belong."""
    routed = restjson.route(service.name, request.method, request.path)
    if routed is None:
        named = f"{request.method[:20]} {request.path[:100]}"
        raise errors.InvalidAction(named, model.load(service.name).api_version)
    return routed.operation


def _operation_of(service: Service, target: str) -> str:
    """Return the operation that the header `X-Amz-Target` names."""
    known = model.load(service.name)
    prefix, _, name = target.rpartition(".")
    if not target:
        raise errors.MissingAction
    if prefix != known.metadata.target_prefix or name not in known.operations:
        raise errors.InvalidAction(name[:100], known.api_version)
    return name


def find_action(table: dict[tuple[str, str], Action], service: Service, operation: str) -> Action:
    """Return the operation's row; one without a row is said to be missing, never played."""
    action = table.get((service.name, operation))
    if action is None:
        raise errors.UnsupportedOperation(
            f"The operation {operation} of {service.name} is not supported by this cloud."
        )
    return action


def _addressed(request: http.Request, parameters: Parameters) -> Service | None:
    """Return the service that scope or host name, if it is one of this cloud's."""
    scope = _scope(request, parameters)
    if scope:
        return SERVICES.get(scope)
    return _BY_HOST.get(request.headers.get("host", "").partition(".")[0].lower())


def _is_rest(service: Service | None) -> bool:
    return service is not None and model.load(service.name).protocol == "rest-json"


def _scope(request: http.Request, parameters: Parameters) -> str:
    """Return the service in the scope of a SigV4 signature, believed for nothing but dispatch."""
    header = request.headers.get("authorization")
    if header is not None:
        match = _V4_SCOPE.search(header)
    else:
        match = _QUERY_SCOPE.fullmatch(_value(parameters, "X-Amz-Credential"))
    return match.group(1) if match else ""


def _legacy_path(path: str) -> str:
    parts = path.strip("/").split("/")
    if len(parts) == 2 and parts[0] == "services":
        return parts[1].lower()
    return ""


def _by_version(version: str) -> Service | None:
    for service in SERVICES.values():
        if version == model.load(service.name).api_version:
            return service
    return None


def _value(parameters: Parameters, name: str) -> str:
    return next((value for key, value in parameters if key == name), "")
