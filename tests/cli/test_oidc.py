"""People sign in at their organisation: the flow end to end, and everything that may be spoilt."""

import configparser
import json
import re
import ssl
import threading
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from mallee.box import steps
from mallee.cli.people import oidc
from mallee.model.configuration.settings import OpenId
from tests.cli.conftest import Run
from tests.cloud.running import RunningCloud, fresh
from tests.fakes import oidc as fake


@pytest.fixture(scope="module")
def cloud() -> Iterator[RunningCloud]:
    with fresh(openid=OpenId(local=True)) as running:
        yield running


@pytest.fixture
def provider() -> Iterator[fake.Provider]:
    with fake.Provider() as running:
        yield running


def _settings(provider: fake.Provider, **more: str) -> oidc.Provider:
    return oidc.Provider(
        issuer=provider.url, client_id=fake.CLIENT, ca_file=str(provider.ca_path), **more
    )


def _browser(provider: fake.Provider, spoil: Callable[[str], str] = str) -> Callable[[str], None]:
    """A browser with somebody before it, who does what he is asked to."""
    context = ssl.create_default_context(cafile=str(provider.ca_path))

    def visit(address: str) -> None:
        class Stop(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_: object) -> None:
                return None

        opener = urllib.request.build_opener(Stop(), urllib.request.HTTPSHandler(context=context))
        try:
            opener.open(address)
        except urllib.error.HTTPError as answer:
            back = answer.headers["Location"]
        with urllib.request.urlopen(spoil(back)) as page:
            assert "close this window" in page.read().decode()

    def browse(address: str) -> None:
        threading.Thread(target=visit, args=(address,), daemon=True).start()

    return browse


def test_person_gets_a_profile_of_the_role(
    cloud: RunningCloud,
    run: Run,
    provider: fake.Provider,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    iam = cloud.client("iam")
    host = provider.url.removeprefix("https://")
    iam.create_open_id_connect_provider(
        Url=provider.url, ClientIDList=[fake.CLIENT], ThumbprintList=[provider.thumbprint]
    )
    account = cloud.admin["account_id"]
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{account}:oidc-provider/{host}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{host}:aud": fake.CLIENT, f"{host}:sub": "alice"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    role = iam.create_role(RoleName="people", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    monkeypatch.setattr(webbrowser, "open", _browser(provider))
    line = (
        *("login", "--oidc", provider.url, "--client-id", fake.CLIENT, "--role", role),
        *("--ca-file", provider.ca_path, "--endpoint", cloud.url, "--directory", tmp_path),
    )
    said = run(*line)
    assert said.status == 0, said.err
    profile = configparser.ConfigParser()
    profile.read([tmp_path / "credentials", tmp_path / "config"])
    sts = boto3.client(
        "sts",
        region_name="us-east-1",
        endpoint_url=profile["profile mallee"]["endpoint_url"],
        aws_access_key_id=profile["mallee"]["aws_access_key_id"],
        aws_secret_access_key=profile["mallee"]["aws_secret_access_key"],
        aws_session_token=profile["mallee"]["aws_session_token"],
    )
    arn = sts.get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::{account}:assumed-role/people/alice@example.org"
    provider.subject = "mallory"
    refused = run(*line)
    assert (refused.status, "AccessDenied" in refused.err) == (1, True)


def test_flow_gives_a_verified_token(provider: fake.Provider) -> None:
    token = oidc.sign_in(_settings(provider), _browser(provider))
    assert oidc.name_of(token) == "alice@example.org"
    assert token.count(".") == 2


def test_confidential_client_shows_its_secret(provider: fake.Provider) -> None:
    provider.client_secret = "known to everybody"
    with pytest.raises(steps.Failed, match="HTTP 400"):
        oidc.sign_in(_settings(provider), _browser(provider))
    oidc.sign_in(_settings(provider, client_secret="known to everybody"), _browser(provider))


def test_visit_of_another_sign_in_is_not_taken(provider: fake.Provider) -> None:
    def forge(back: str) -> str:
        forged = re.sub(r"state=[^&]+", "state=guessed", back).replace("code=", "code=evil")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(forged)
        elsewhere = back.replace("/callback", "/favicon.ico")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(elsewhere)
        return back

    assert oidc.sign_in(_settings(provider), _browser(provider, forge))


def test_code_of_another_is_worth_nothing(provider: fake.Provider) -> None:
    """A code that was stolen for another verifier is refused by the provider."""
    with pytest.raises(steps.Failed, match="HTTP 400"):
        oidc.sign_in(
            _settings(provider),
            _browser(provider, lambda back: re.sub(r"code=[^&]+", "code=stolen", back)),
        )


def test_token_of_another_sign_in_is_refused(
    provider: fake.Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = provider.token
    monkeypatch.setattr(provider, "token", lambda **claims: own(**{**claims, "nonce": "old"}))
    with pytest.raises(steps.Failed, match="another sign-in"):
        oidc.sign_in(_settings(provider), _browser(provider))


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"aud": "somebody-else"}, "audience"),
        ({"iss": "https://elsewhere.example.org"}, "issuer"),
        ({"exp": 1, "iat": 0}, r"(?i)expired"),
    ],
)
def test_token_that_is_not_for_us_is_refused(
    provider: fake.Provider,
    monkeypatch: pytest.MonkeyPatch,
    claims: dict[str, object],
    why: str,
) -> None:
    own = provider.token
    monkeypatch.setattr(provider, "token", lambda **given: own(**{**given, **claims}))
    with pytest.raises(steps.Failed, match=why):
        oidc.sign_in(_settings(provider), _browser(provider))


def test_token_of_an_unknown_key_is_refused(
    provider: fake.Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, key = provider.token, fake.new_key("first")
    monkeypatch.setattr(provider, "token", lambda **given: own(key, **given))
    with pytest.raises(steps.Failed):
        oidc.sign_in(_settings(provider), _browser(provider))


def test_refusal_of_the_provider_is_told(provider: fake.Provider) -> None:
    provider.refuses = "access_denied"
    with pytest.raises(steps.Failed, match="access_denied"):
        oidc.sign_in(_settings(provider), _browser(provider))


def test_nobody_is_waited_for_forever(provider: fake.Provider) -> None:
    with pytest.raises(steps.Failed, match="nobody signed in"):
        oidc.sign_in(_settings(provider), lambda _: None, wait_s=0.05)


def test_provider_must_be_vouched_for_and_be_who_it_says(provider: fake.Provider) -> None:
    with pytest.raises(steps.Failed, match=r"(?i)certificate") as failed:
        oidc.sign_in(oidc.Provider(issuer=provider.url, client_id=fake.CLIENT), _browser(provider))
    assert "--ca-file" in failed.value.cure
    provider.discovery = {"issuer": "https://elsewhere.example.org"}
    with pytest.raises(steps.Failed, match="is of the issuer"):
        oidc.sign_in(_settings(provider), _browser(provider))
    provider.discovery = {"token_endpoint": "http://127.0.0.1/token"}
    with pytest.raises(steps.Failed, match="token_endpoint"):
        oidc.sign_in(_settings(provider), _browser(provider))


def test_address_carries_a_challenge_and_no_secret(provider: fake.Provider) -> None:
    seen: list[str] = []

    def browse(address: str) -> None:
        seen.append(address)
        _browser(provider)(address)

    oidc.sign_in(_settings(provider, client_secret=""), browse)
    asked = {name: one[0] for name, one in parse_qs(urlsplit(seen[0]).query).items()}
    assert asked["code_challenge_method"] == "S256"
    assert "client_secret" not in asked
    assert urlsplit(asked["redirect_uri"]).hostname == "127.0.0.1"


def test_login_wants_to_know_who_or_where(run: Run, cloud: RunningCloud) -> None:
    said = run("login", "--endpoint", cloud.url)
    assert (said.status, "--oidc" in said.err) == (1, True)
    said = run("login", "--oidc", "https://x", "--endpoint", cloud.url)
    assert (said.status, "--role" in said.err) == (1, True)
