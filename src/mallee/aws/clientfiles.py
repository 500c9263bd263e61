"""The files with which a person's tools find the cloud and prove who he is, and a zip of them all.

For AWS clients of today (profile, environment), for those that know no setting for endpoints (a
botocore data directory that replaces where services are), and for Eucalyptus' (`eucarc`,
`euca2ools.ini`). Called by `mallee credentials` with what it has, and by the administration's
CreateCredentials with a fresh key. Not its business: who may have a key, and where files are put.
"""

import functools
import importlib.resources
import io
import json
import re
import shlex
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

PROFILE = "mallee"
"""The profile's name in the AWS files, and the region's and user's in `euca2ools.ini`."""
FOLDER = "mallee"
"""The directory in which everything lies in the zip."""
MODELS = "models"
"""The directory in it that `AWS_DATA_PATH` names."""

EUCALYPTUS_PATHS = {
    "EC2_URL": "compute",
    "EUARE_URL": "Euare",
    "TOKEN_URL": "Tokens",
}
"""Variables of `eucarc`, and the last part of the paths that Eucalyptus' clients know."""

_ENDPOINT = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+")
_OWN = "mallee"
"""The service that botocore has no model of."""
_PRIVATE = 0o100600
_READABLE = 0o100644
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The least time that a zip can tell: the same credentials make the same bytes."""


class BadEndpoint(Exception):
    """The endpoint is no address that could be written into files which a shell reads."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Bearer:
    """Where the cloud is, and who its files shall speak for."""

    endpoint: str
    """`http://HOST:PORT`, without a path."""
    region: str
    account_id: str
    user_name: str
    access_key_id: str
    secret_access_key: str
    session_token: str = ""
    """Of temporary credentials; empty for a key of a user."""


def archive(bearer: Bearer) -> bytes:
    """Return a zip of all files; raise `BadEndpoint`."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in files(bearer).items():
            entry = zipfile.ZipInfo(f"{FOLDER}/{name}", _EPOCH)
            mode = _PRIVATE if bearer.secret_access_key in text else _READABLE
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(entry, text)
    return packed.getvalue()


def files(bearer: Bearer) -> dict[str, str]:
    """Return the texts of all files by their path in the folder; raise `BadEndpoint`."""
    if not _ENDPOINT.fullmatch(bearer.endpoint):
        raise BadEndpoint(f"{bearer.endpoint[:80]!r} is not of the form http://HOST:PORT")
    return {
        "README.txt": _README,
        "env": _env(bearer),
        "aws/config": _section(f"profile {PROFILE}", config(bearer)),
        "aws/credentials": _section(PROFILE, credentials(bearer)),
        "eucarc": _eucarc(bearer),
        "euca2ools.ini": _euca2ools(bearer),
        **models(bearer),
    }


def environment(bearer: Bearer) -> dict[str, str]:
    """Return the variables that every AWS client of today understands."""
    named = {
        "AWS_ACCESS_KEY_ID": bearer.access_key_id,
        "AWS_SECRET_ACCESS_KEY": bearer.secret_access_key,
        "AWS_SESSION_TOKEN": bearer.session_token,
        "AWS_REGION": bearer.region,
        "AWS_DEFAULT_REGION": bearer.region,
        "AWS_ENDPOINT_URL": bearer.endpoint,
    }
    return {name: value for name, value in named.items() if value}


def shell_lines(bearer: Bearer) -> list[str]:
    """Return the lines by which a shell's clients speak to this cloud, and to no other."""
    return [
        *_exports(environment(bearer)),
        "# Without these a session of another cloud would go along.",
        "unset AWS_PROFILE" + ("" if bearer.session_token else " AWS_SESSION_TOKEN"),
        *(f"unset AWS_ENDPOINT_URL_{service.variable}" for service in _services()),
    ]


def config(bearer: Bearer) -> dict[str, str]:
    """Return the settings of a profile in `~/.aws/config`."""
    return {"region": bearer.region, "endpoint_url": bearer.endpoint}


def credentials(bearer: Bearer) -> dict[str, str]:
    """Return the settings of a profile in `~/.aws/credentials`."""
    named = {
        "aws_access_key_id": bearer.access_key_id,
        "aws_secret_access_key": bearer.secret_access_key,
        "aws_session_token": bearer.session_token,
    }
    return {name: value for name, value in named.items() if value}


def _env(bearer: Bearer) -> str:
    lines = [
        "# For bash and zsh: `. ./env`. Then aws, boto3 and every AWS SDK speak to this cloud.",
        *shell_lines(bearer),
        "# For clients that do not know AWS_ENDPOINT_URL, and for `aws mallee`.",
        _HERE,
        f'export AWS_DATA_PATH="$_mallee_here/{MODELS}"',
        "unset _mallee_here",
    ]
    return "\n".join(lines) + "\n"


def _eucarc(bearer: Bearer) -> str:
    named = {
        **{name: _legacy(bearer, path) for name, path in EUCALYPTUS_PATHS.items()},
        "EC2_ACCOUNT_NUMBER": bearer.account_id,
        "EC2_USER_ID": bearer.account_id,
        "EC2_ACCESS_KEY": bearer.access_key_id,
        "EC2_SECRET_KEY": bearer.secret_access_key,
        "AWS_ACCESS_KEY": bearer.access_key_id,
        "AWS_SECRET_KEY": bearer.secret_access_key,
        "AWS_ACCESS_KEY_ID": bearer.access_key_id,
        "AWS_SECRET_ACCESS_KEY": bearer.secret_access_key,
        "AWS_SECURITY_TOKEN": bearer.session_token,
        "AWS_DEFAULT_REGION": bearer.region,
    }
    lines = [
        "# For bash and zsh: `. ./eucarc`. For Eucalyptus' clients, such as euca2ools.",
        *_exports({name: value for name, value in named.items() if value}),
    ]
    return "\n".join(lines) + "\n"


def _euca2ools(bearer: Bearer) -> str:
    user = {
        "account-id": bearer.account_id,
        "key-id": bearer.access_key_id,
        "secret-key": bearer.secret_access_key,
        "security-token": bearer.session_token,
    }
    region = {
        "user": PROFILE,
        "ec2-url": _legacy(bearer, EUCALYPTUS_PATHS["EC2_URL"]),
        "iam-url": _legacy(bearer, EUCALYPTUS_PATHS["EUARE_URL"]),
        "sts-url": _legacy(bearer, EUCALYPTUS_PATHS["TOKEN_URL"]),
    }
    return (
        _section("global", {"default-region": PROFILE})
        + _section(f"user {PROFILE}", {name: value for name, value in user.items() if value})
        + _section(f"region {PROFILE}", region)
    )


def models(bearer: Bearer) -> dict[str, str]:
    """Return the texts of a botocore data directory, `MODELS`, by their paths: where each service
    is, for clients that do not know `AWS_ENDPOINT_URL`, and what `mallee` is."""
    made: dict[str, str] = {}
    for service in _services():
        place = f"{MODELS}/{service.name}/{service.version}"
        made[f"{place}/endpoint-rule-set-1.json"] = _json(_rule_set(service.name, bearer.endpoint))
        if service.name == _OWN:
            path = _models_directory() / f"{_OWN}.json"
            made[f"{place}/service-2.json"] = path.read_text("utf-8")
    return made


def _rule_set(service: str, endpoint: str) -> dict[str, Any]:
    """Return rules by which botocore finds a service here, unless an endpoint was given.

    For S3 they put the bucket into the path: that is not said by its operations.
    """
    parameters: dict[str, Any] = {
        "Region": {"builtIn": "AWS::Region", "required": False, "type": "string"},
        "Endpoint": {"builtIn": "SDK::Endpoint", "required": False, "type": "string"},
    }
    is_given, is_of_bucket = (
        {"fn": "isSet", "argv": [{"ref": name}]} for name in ("Endpoint", "Bucket")
    )
    rules = [_rule("{Endpoint}", is_given), _rule(endpoint)]
    if service == "s3":
        parameters["Bucket"] = {"required": False, "type": "string"}
        rules = [
            _rule("{Endpoint}/{Bucket}", is_given, is_of_bucket),
            rules[0],
            _rule(f"{endpoint}/{{Bucket}}", is_of_bucket),
            rules[1],
        ]
    for name in ("UseDualStack", "UseFIPS"):
        parameters[name] = {
            "builtIn": f"AWS::{name}",
            "required": True,
            "default": False,
            "type": "boolean",
        }
    for parameter in parameters.values():
        parameter["documentation"] = "As everywhere."
    return {"version": "1.0", "parameters": parameters, "rules": rules}


def _rule(url: str, *conditions: Any) -> dict[str, Any]:
    endpoint: dict[str, Any] = {"url": url, "properties": {}, "headers": {}}
    return {"type": "endpoint", "conditions": list(conditions), "endpoint": endpoint}


class _Head(msgspec.Struct):
    """The beginning of a service model."""

    metadata: dict[str, Any]


class _Service(NamedTuple):
    """A service as botocore knows it."""

    name: str
    version: str
    variable: str
    """How `AWS_ENDPOINT_URL_…` ends for it: its id, which is not always its name."""


@functools.cache
def _services() -> tuple[_Service, ...]:
    found: list[_Service] = []
    for path in sorted(_models_directory().iterdir(), key=lambda path: path.name):
        if path.name.endswith(".json"):
            head = msgspec.json.decode(path.read_bytes(), type=_Head)
            variable = head.metadata["serviceId"].replace(" ", "_").upper()
            name = path.name.removesuffix(".json")
            found.append(_Service(name, head.metadata["apiVersion"], variable))
    return tuple(found)


def _models_directory() -> Any:
    return importlib.resources.files("mallee.aws.models")


def _legacy(bearer: Bearer, path: str) -> str:
    return f"{bearer.endpoint}/services/{path}"


def _exports(variables: Mapping[str, str]) -> list[str]:
    return [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]


def _section(head: str, values: Mapping[str, str]) -> str:
    return "\n".join([f"[{head}]", *(f"{name} = {value}" for name, value in values.items())]) + "\n"


def _json(value: object) -> str:
    return json.dumps(value, indent=1) + "\n"


_HERE = '_mallee_here="$(cd "$(dirname "${BASH_SOURCE:-$0}")" && pwd -P)"'

_README = f"""Credentials for a Mallee cloud. Keep this directory to yourself: who has it is you.

env             `. ./env` in bash or zsh: the AWS CLI of any age, boto3 and other AWS SDKs
aws/            the same as a profile: put both files into ~/.aws, or name them in AWS_CONFIG_FILE
                and AWS_SHARED_CREDENTIALS_FILE; then `aws --profile {PROFILE} …`
models/         a botocore data directory: with AWS_DATA_PATH set to it (env does), clients that
                know no setting for endpoints find this cloud, and aws has a service `mallee`
eucarc          `. ./eucarc`: Eucalyptus' clients
euca2ools.ini   put it into ~/.euca: euca2ools 3
"""
