"""Identity providers that an account believes: who they are, and how their word is proved.

A provider of OpenID Connect is known by its issuer URL. Its tokens are signed with keys that it
publishes; who has no way to them hands the keys over instead. A provider of SAML says all of that
in a metadata document. What its word may be traded for is the roles' own business (their trust
policies).
"""

from collections.abc import Mapping

import msgspec

SCHEME = "https://"


class OidcProvider(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A provider of OpenID Connect."""

    id: str
    url: str
    """The issuer, without its `https://`: what follows `oidc-provider/` in the ARN."""
    client_ids: tuple[str, ...] = ()
    """Audiences whose tokens count."""
    thumbprints: tuple[str, ...] = ()
    """SHA-1 of certificates, 40 lower-case digits: authorities that its server may be certified by
    when no public one has."""
    keys: str | None = None
    """A key set (JWKS) that was handed over: nothing is fetched then."""
    created_at: float
    tags: Mapping[str, str] = {}

    @property
    def issuer(self) -> str:
        """The issuer as tokens name it."""
        return SCHEME + self.url


class SamlProvider(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A provider of SAML 2.0, known by what it says of itself."""

    id: str
    """A UUID."""
    name: str
    path: str = "/"
    metadata: str
    """Its metadata document, as handed over: its certificates stand in it."""
    valid_until: float
    """When the last of its certificates ends, in seconds since the epoch."""
    created_at: float
    tags: Mapping[str, str] = {}
