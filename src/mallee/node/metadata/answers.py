"""What the metadata service answers: a request of an instance to an answer, as AWS has it.

Called by `service`, which knows from the socket whose request it is. Which paths an instance has is
the cloud's business (`InstanceWanted.metadata`), but for credentials (`rolepaths`); directories
and their listings follow from them. Pure: time and randomness come in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from mallee.model.hosts.hosts import InstanceWanted
from mallee.node.metadata import tokens, wire

VERSIONS = (
    "1.0",
    "2007-01-19",
    "2007-03-01",
    "2007-08-29",
    "2007-10-10",
    "2007-12-15",
    "2008-02-01",
    "2008-09-01",
    "2009-04-04",
    "2011-01-01",
    "2011-05-01",
    "2012-01-12",
    "2014-02-25",
    "2014-11-05",
    "2015-10-20",
    "2016-04-19",
    "2016-06-30",
    "2016-09-02",
    "2018-03-28",
    "2018-08-17",
    "2018-09-24",
    "2019-10-01",
    "2020-10-27",
    "2021-01-03",
    "2021-03-23",
    "2021-07-15",
    "2022-09-24",
    "2024-04-11",
    "latest",
)
"""Every version has every path: none of them ever changed the meaning of one."""

TOKEN_HEADER = "x-aws-ec2-metadata-token"
TTL_HEADER = "X-aws-ec2-metadata-token-ttl-seconds"

_TOKEN_PATH = ["api", "token"]


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks and when."""

    instance: InstanceWanted
    paths: Mapping[str, str]
    """Every path below a version that ends in a value."""
    now: float
    nonce: bytes
    """Fresh random bytes (`tokens.NONCE_BYTES`) for a token."""


def answer(request: wire.Request, asked: Asked, sessions: tokens.Tokens) -> wire.Answer:
    """Return the answer to a request."""
    options = asked.instance.metadata_options
    if options.http_endpoint != "enabled":
        return wire.error(HTTPStatus.FORBIDDEN)
    path = [part for part in request.path.split("/") if part]
    if path[1:] == _TOKEN_PATH and path[0] in VERSIONS:
        if request.method != "PUT":
            return _not_allowed("PUT")
        return _answer_token(request, asked, sessions)
    if request.method not in ("GET", "HEAD"):
        return _not_allowed("GET, HEAD")
    headers: dict[str, str] = {}
    token = request.headers.get(TOKEN_HEADER)
    if token is not None:
        expiry = sessions.read_expiry(asked.instance.id, token)
        if expiry is None or expiry <= asked.now:
            return wire.error(HTTPStatus.UNAUTHORIZED)
        headers[TTL_HEADER] = str(int(expiry - asked.now))
    elif options.http_tokens == "required":
        return wire.error(HTTPStatus.UNAUTHORIZED)
    found = _find(asked, path)
    if found is None:
        return wire.error(HTTPStatus.NOT_FOUND)
    kind = "application/octet-stream" if path[1:] == ["user-data"] else "text/plain"
    return wire.Answer(HTTPStatus.OK, found, kind, headers)


def _answer_token(request: wire.Request, asked: Asked, sessions: tokens.Tokens) -> wire.Answer:
    if "x-forwarded-for" in request.headers:
        # An open proxy inside the guest must not fetch tokens for strangers.
        return wire.error(HTTPStatus.FORBIDDEN)
    wish = request.headers.get(TTL_HEADER.lower(), "")
    is_number = wish.isascii() and wish.isdigit() and len(wish) <= len(str(tokens.TTL_S_MAX))
    if not is_number or not 1 <= int(wish) <= tokens.TTL_S_MAX:
        return wire.error(HTTPStatus.BAD_REQUEST)
    token = sessions.issue(asked.instance.id, int(asked.now) + int(wish), asked.nonce)
    return wire.Answer(
        HTTPStatus.OK,
        token.encode(),
        headers={TTL_HEADER: wish},
        hop_limit=asked.instance.metadata_options.http_put_response_hop_limit,
    )


def _not_allowed(allowed: str) -> wire.Answer:
    return wire.error(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": allowed})


def _find(asked: Asked, path: list[str]) -> bytes | None:
    """Return a value or a directory's listing; with or without a slash at the end."""
    if not path:
        return "\n".join(VERSIONS).encode()
    if path[0] not in VERSIONS:
        return None
    user_data = asked.instance.user_data
    if path[1:] == ["user-data"]:
        return user_data or None
    key = "/".join(path[1:])
    if key in asked.paths:
        return asked.paths[key].encode()
    if not key:
        names = {known.partition("/")[0] for known in asked.paths}
        return "\n".join(sorted(names | ({"user-data"} if user_data else set()))).encode()
    return _listing(asked.paths, key + "/")


def _listing(paths: Mapping[str, str], directory: str) -> bytes | None:
    if directory in paths:
        return paths[directory].encode()
    names: set[str] = set()
    for known in paths:
        if known.startswith(directory):
            name, slash, _ = known.removeprefix(directory).partition("/")
            names.add(name + slash)
    return "\n".join(sorted(names)).encode() if names else None
