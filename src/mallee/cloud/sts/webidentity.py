"""Trading the token of an identity provider for a role: AssumeRoleWithWebIdentity.

Nobody signs such a request: the token speaks for who sends it. `vouch` proves it by the keys of the
provider, which the role's account must know, and finds out what the provider says; whether that is
enough is decided by the role's trust policy (`authorize`), as for every other role. Called through
the action table. Not its business: keys (`keysets`) and signatures (`kit.idtokens`).
"""

from collections.abc import Mapping
from typing import Any, cast

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud import things
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Call, Principal, Request, Result, WriteCall
from mallee.cloud.iam import oidcproviders
from mallee.cloud.identity import keysets
from mallee.cloud.sts import grants, roles
from mallee.kit import idtokens
from mallee.model.identity.providers import SCHEME, OidcProvider
from mallee.model.identity.sessions import CallerKind, Session

TAGS = "https://aws.amazon.com/tags"
"""The claim that holds session tags."""
SOURCE_IDENTITY = "https://aws.amazon.com/source_identity"
_KEPT = frozenset({"aud", "sub", "amr"})
"""Claims that stay with a session; the others are there for the trust policy only."""
_CLAIMS_MAX = 64
_VALUE_MAX = 2048


async def vouch(call: Call, asked: Request, issuers: keysets.KeySets) -> Principal:
    """Return for whom a provider vouches.

    Raises `InvalidIdentityToken`, `ExpiredIdentityToken`, `IdpCommunicationError`.
    """
    token: str = asked["WebIdentityToken"]
    account = things.account_of(asked["RoleArn"]) or ""
    try:
        issuer = idtokens.issuer_of(token)
        provider = _provider(call, account, issuer)
        keys = await issuers.of(account, provider, token, call.now)
        expected = idtokens.Expected(provider.issuer, provider.client_ids)
        claims = idtokens.verify(keys, token, expected, call.now)
    except idtokens.ExpiredToken as error:
        raise errors.ExpiredIdentityToken from error
    except idtokens.InvalidToken as error:
        raise errors.InvalidIdentityToken(f"{error}") from error
    except keysets.Unreachable as error:
        raise errors.IdpCommunicationError(error) from error
    tags, transitive_keys = _tags(claims)
    return Principal(
        account="",
        user_id="",
        user_name="",
        arn=oidcproviders.arn_of(account, provider.url),
        access_key_id="",
        is_cloud_admin=False,
        kind=CallerKind.VOUCHED,
        session=Session(
            kind=CallerKind.VOUCHED,
            account="",
            issuer_id="",
            name=claims["sub"],
            issued_at=call.now,
            expires_at=call.now,
            tags=tags,
            transitive_keys=transitive_keys,
            source_identity=_source_identity(claims),
            provider=oidcproviders.arn_of(account, provider.url),
            claims=_keys(provider.url, claims),
        ),
    )


def assume_role(call: WriteCall, request: Request) -> Result:
    """Give out credentials of a role to whom a provider vouches for."""
    role = roles.find(call.view, request["RoleArn"])
    told = call.principal.session
    if role is None or told is None or told.provider is None:
        raise errors.PolicyDenied("Not authorized to perform sts:AssumeRoleWithWebIdentity")
    life_s: int = request.get("DurationSeconds", roles.LIFE_S)
    roles.check_life(role.doc, life_s)
    texts, arns = grants.parse_policies(call, request, role.account)
    url = told.provider.partition("oidc-provider/")[2]
    kept = {f"{url}:{name}".lower() for name in _KEPT}
    session = replace(
        told,
        kind=CallerKind.ROLE,
        account=role.account,
        issuer_id=role.id,
        name=request["RoleSessionName"],
        issued_at=call.now,
        expires_at=call.now + life_s,
        policies=texts,
        policy_arns=arns,
        claims={key: value for key, value in told.claims.items() if key in kept},
    )
    return {
        **roles.answer(call, request, role, session),
        "SubjectFromWebIdentityToken": told.name,
        "Audience": told.claims[f"{url}:aud".lower()],
        "Provider": SCHEME + url,
    }


def _provider(call: Call, account: str, issuer: str) -> OidcProvider:
    """Return the account's provider of an issuer."""
    found = None
    if issuer.startswith(SCHEME):
        found = oidcproviders.find(call.view, account, issuer.removeprefix(SCHEME))
    if found is None:
        raise errors.InvalidIdentityToken(
            f"No OpenIDConnect provider found in your account for {issuer}"
        )
    return found.doc


def _keys(url: str, claims: idtokens.Claims) -> dict[str, str | tuple[str, ...]]:
    """Return the context keys of what a provider says: `URL:sub` and its like, in lower case."""
    found: dict[str, str | tuple[str, ...]] = {}
    # Keys know no case, claims do: where two would be one key, the claim in lower case is meant.
    for name in sorted(claims, key=lambda name: name != name.lower())[:_CLAIMS_MAX]:
        texts = _texts(claims[name])
        if texts is not None:
            found.setdefault(f"{url}:{name}".lower(), texts)
    found[f"{url}:sub".lower()] = claims["sub"]
    found[f"{url}:aud".lower()] = idtokens.audience_of(claims)
    return found


def _texts(value: Any) -> str | tuple[str, ...] | None:
    """Return a claim as policies compare it; None for what is no text, number or list of texts."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        text = str(value)
        return text if len(text) <= _VALUE_MAX and text.isprintable() else None
    if isinstance(value, list):
        several = cast(list[Any], value)[:_CLAIMS_MAX]
        return tuple(one for one in several if isinstance(one, str) and _texts(one) == one)
    return None


def _tags(claims: idtokens.Claims) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the session tags in a token, and which of them go on through a chain."""
    told: Any = claims.get(TAGS)
    if told is None:
        return {}, ()
    try:
        given: Mapping[str, list[str]] = told["principal_tags"]
        tags = grants.parse_tags(
            {"Key": _text(key, 128), "Value": _only(values)} for key, values in given.items()
        )
        asked = [_text(key, 128) for key in told.get("transitive_tag_keys") or ()]
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise errors.InvalidIdentityToken(
            f"The claim {TAGS} holds no tags: principal_tags is an object, each value of it a list "
            "with one text."
        ) from error
    if len(tags) > grants.TAGS_MAX:
        raise errors.InvalidIdentityToken(f"The claim {TAGS} holds too many tags.")
    return tags, tuple(key for key in asked if key in tags)


def _only(values: Any) -> str:
    several = cast(list[Any], values)
    if not isinstance(values, list) or len(several) != 1:
        raise ValueError("one text")
    return _text(several[0], 256)


def _text(value: Any, most: int) -> str:
    if not isinstance(value, str) or len(value) > most or not value.isprintable():
        raise ValueError("no text that a tag can have")
    return value


def _source_identity(claims: idtokens.Claims) -> str | None:
    given: Any = claims.get(SOURCE_IDENTITY)
    if given is None:
        return None
    if not isinstance(given, str) or not grants.SOURCE_IDENTITY.fullmatch(given):
        raise errors.InvalidIdentityToken(f"The claim {SOURCE_IDENTITY} is no source identity.")
    return given


ACTIONS: tuple[Action, ...] = (
    Action(
        service="sts",
        name="AssumeRoleWithWebIdentity",
        does=Write(handle=assume_role),
        honours=frozenset(
            {
                "RoleArn",
                "RoleSessionName",
                "WebIdentityToken",
                "PolicyArns",
                "Policy",
                "DurationSeconds",
                "MinimumSessionTokenSize",
            }
        ),
        resources=roles.asked_role,
        resource_policy=roles.trust_of,
        also=roles.further,
        is_unsigned=True,
        vouch=vouch,
        about=roles.account_of_role,
    ),
)
