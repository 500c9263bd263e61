"""Providers of OpenID Connect: made, looked at, changed, and gone.

Who shows a token of a provider that the role's account knows may take on roles that trust the
provider (`sts.webidentity`). Called through the action table. Where no thumbprint is given, the
provider's server is asked for its certificates when it is made, as AWS does.
Not its business: tokens and their keys (`kit.idtokens`, `keysets`).
"""

import dataclasses
import re
import threading
from collections.abc import Callable

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud import accounts
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import entities, tags
from mallee.cloud.identity import keysets
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.kit import httpsfetch, idtokens, secretbox
from mallee.model.identity import identities
from mallee.model.identity.providers import SCHEME, OidcProvider

CLIENT_IDS_MAX = 100
THUMBPRINTS_MAX = 5

_URL = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*")
_THUMBPRINT = re.compile(r"[0-9a-fA-F]{40}")

ASKED_MAX = 2
"""Servers that are asked for their certificates at once. Threads are few, people who sign in need
them too, and a server may take its time."""

_asking = threading.BoundedSemaphore(ASKED_MAX)

ProviderRecord = Record[OidcProvider, None]


def create(call: WriteCall, request: Request) -> Result:
    """Make a provider that the account believes."""
    url = _parse_url(request["Url"])
    if call.prepared is not None and not call.prepared:
        raise errors.OpenIdIdpCommunicationError(SCHEME + url)
    provider = OidcProvider(
        id=accounts.new_id("OIDC", call.entropy),
        url=url,
        client_ids=_parse_clients(request.get("ClientIDList") or []),
        thumbprints=call.prepared or _parse_thumbprints(request["ThumbprintList"]),
        created_at=call.tx.now,
        tags=entities.with_tags({}, entities.parse_tags(request.get("Tags"))),
    )
    try:
        call.tx.claim(_names(call.account), url, provider.id)
    except store.Taken as taken:
        raise errors.EntityAlreadyExists("Provider", SCHEME + url) from taken
    call.tx.insert(records.OIDC_PROVIDER, call.account, provider.id, provider)
    shown = entities.render_tags(provider.tags) or None
    return {"OpenIDConnectProviderArn": arn_of(call.account, url), "Tags": shown}


def ask_thumbprint(
    call: Call, request: Request, _box: secretbox.SecretBox
) -> Callable[[], tuple[str, ...]] | None:
    """Return work that asks the server of a provider whose thumbprint was not given for it."""
    if request.get("ThumbprintList"):
        return None
    url = SCHEME + _parse_url(request["Url"])
    reach = keysets.reach_of(call.settings)

    def ask() -> tuple[str, ...]:
        if not _asking.acquire(blocking=False):
            raise errors.Throttling
        try:
            return httpsfetch.fetch_thumbprint(url, reach)
        finally:
            _asking.release()

    return ask


def get(call: Call, request: Request) -> Result:
    """Describe a provider."""
    doc = named(call, request).doc
    return {
        "Url": doc.url,
        "ClientIDList": list(doc.client_ids),
        "ThumbprintList": list(doc.thumbprints),
        "CreateDate": doc.created_at,
        "Tags": entities.render_tags(doc.tags) or None,
    }


def list_all(call: Call, _request: Request) -> Result:
    """List the ARNs of the account's providers."""
    found = call.view.list(records.OIDC_PROVIDER, call.account)
    arns = sorted(arn_of(call.account, record.doc.url) for record in found)
    return {"OpenIDConnectProviderList": [{"Arn": arn} for arn in arns]}


def add_client(call: WriteCall, request: Request) -> Result:
    """Let tokens for one more client count; one that does already is no error."""
    provider = named(call, request)
    ids = _parse_clients([*provider.doc.client_ids, request["ClientID"]])
    call.tx.write(provider, replace(provider.doc, client_ids=ids))
    return {}


def remove_client(call: WriteCall, request: Request) -> Result:
    """Let tokens for a client count no more; one that never did is no error."""
    provider = named(call, request)
    ids = tuple(id for id in provider.doc.client_ids if id != request["ClientID"])
    call.tx.write(provider, replace(provider.doc, client_ids=ids))
    return {}


def update_thumbprints(call: WriteCall, request: Request) -> Result:
    """Replace the authorities of the provider's server."""
    provider = named(call, request)
    thumbprints = _parse_thumbprints(request["ThumbprintList"])
    call.tx.write(provider, replace(provider.doc, thumbprints=thumbprints))
    return {}


def put_keys(call: WriteCall, request: Request) -> Result:
    """Take over a provider's key set, for clouds that cannot reach it; an empty one is none."""
    provider = named(call, request)
    text: str = request["JsonWebKeySet"]
    try:
        count = len(idtokens.parse_keys(text)) if text else 0
    except idtokens.BadKeys as error:
        raise errors.InvalidInput(f"JsonWebKeySet: {error}") from error
    call.tx.write(provider, replace(provider.doc, keys=text or None))
    return {"Keys": count}


def delete(call: WriteCall, request: Request) -> Result:
    """Believe a provider no more; one that is not there is no error, as in AWS."""
    url = _url_in(call, request["OpenIDConnectProviderArn"])
    provider = find(call.view, call.account, url)
    if provider is not None:
        call.tx.release(_names(call.account), url)
        call.tx.delete(provider)
    return {}


def named(call: Call, request: Request) -> ProviderRecord:
    """Return the provider that the request names; raise `NoSuchEntity`."""
    arn: str = request["OpenIDConnectProviderArn"]
    found = find(call.view, call.account, _url_in(call, arn))
    if found is None:
        raise errors.NoSuchProvider(arn)
    return found


def find(view: store.View, account: str, url: str) -> ProviderRecord | None:
    """Return an account's provider of an issuer URL, which comes without its `https://`."""
    id = view.owner_of(_names(account), url)
    return view.get(records.OIDC_PROVIDER, id) if id else None


def arn_of(account: str, url: str) -> str:
    """Return the ARN of a provider."""
    return identities.arn(account, "oidc-provider", "/", url)


def _url_in(call: Call, arn: str) -> str:
    """Return the URL in an ARN; what is no ARN of a provider of the account names none."""
    prefix = arn_of(call.account, "")
    return arn.removeprefix(prefix) if arn.startswith(prefix) else ""


def _names(account: str) -> str:
    return accounts.names_of(records.OIDC_PROVIDER, account)


def _parse_url(url: str) -> str:
    """Return the URL without its scheme, the host in lower case; raise `InvalidInput`."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    whole = f"{scheme.lower()}://{host.lower()}{slash}{path}"
    if not _URL.fullmatch(whole):
        raise errors.InvalidInput("Invalid Open ID Connect Provider URL")
    return whole.removeprefix(SCHEME)


def _parse_clients(given: list[str]) -> tuple[str, ...]:
    ids = tuple(dict.fromkeys(given))
    if len(ids) > CLIENT_IDS_MAX:
        raise errors.LimitExceeded("ClientIdsPerOpenIdConnectProvider", CLIENT_IDS_MAX)
    return ids


def _parse_thumbprints(given: list[str]) -> tuple[str, ...]:
    if len(given) > THUMBPRINTS_MAX:
        raise errors.InvalidInput(f"Thumbprint list must contain fewer than {THUMBPRINTS_MAX + 1}")
    for one in given:
        if not _THUMBPRINT.fullmatch(one):
            raise errors.InvalidInput(f"Thumbprint {one} is no SHA-1 in 40 hexadecimal digits.")
    return tuple(one.lower() for one in given)


def _about(call: Call, asked: Request) -> tuple[str, ...]:
    """Return the ARN that a request is about."""
    if "Url" in asked:
        return (arn_of(call.account, asked["Url"].partition("://")[2]),)
    return (asked["OpenIDConnectProviderArn"],)


def _row(name: str, does: Read | Write, *honours: str, service: str = "iam") -> Action:
    return Action(
        service=service,
        name=name,
        does=does,
        honours=frozenset(honours),
        resources=_about if honours else None,
    )


_ARN = "OpenIDConnectProviderArn"

_TAGGED = tags.Tagged(noun="OpenIDConnectProvider", member=_ARN, named=named, changed=named)

ACTIONS: tuple[Action, ...] = (
    _row(
        "CreateOpenIDConnectProvider",
        Write(handle=create, prepare=ask_thumbprint),
        *("Url", "ClientIDList", "ThumbprintList", "Tags"),
    ),
    _row("GetOpenIDConnectProvider", Read(handle=get), _ARN),
    _row("ListOpenIDConnectProviders", Read(handle=list_all)),
    _row("AddClientIDToOpenIDConnectProvider", Write(handle=add_client), _ARN, "ClientID"),
    _row("RemoveClientIDFromOpenIDConnectProvider", Write(handle=remove_client), _ARN, "ClientID"),
    _row(
        "UpdateOpenIDConnectProviderThumbprint",
        Write(handle=update_thumbprints),
        *(_ARN, "ThumbprintList"),
    ),
    _row("DeleteOpenIDConnectProvider", Write(handle=delete), _ARN),
    *(dataclasses.replace(row, resources=_about) for row in tags.rows(_TAGGED)),
)


def _of_keys(_call: Call, _asked: Request) -> tuple[str, ...]:
    """Whose keys count says who may take roles on, and so do thumbprints, which are IAM's."""
    return ("iam:UpdateOpenIDConnectProviderThumbprint",)


KEYS = dataclasses.replace(
    _row(
        "PutOpenIDConnectProviderKeys",
        Write(handle=put_keys),
        *(_ARN, "JsonWebKeySet"),
        service="mallee",
    ),
    also=_of_keys,
)
"""Of the cloud's own service: AWS has no such action."""
