"""The order of evaluation: who has a say, and whose word is the last."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallee.aws import policy
from mallee.aws.policy import Kind, Policies, Verdict
from mallee.aws.policy.decision import Level
from mallee.aws.policy.principals import Closeness
from tests.aws.policy.making import (
    ANONYMOUS,
    FEDERATED,
    HERE,
    OBJECT,
    ROLE_ARN,
    ROOT,
    SERVICE,
    SESSION,
    THERE,
    USER,
    allows,
    attached,
    request,
    statement,
)

ALLOW = attached(statement())
NOTHING = statement(Action="other:*")
ACCOUNT = {"AWS": HERE}


def resource(principal: Any, effect: str = "Allow", **elements: Any) -> policy.Attached:
    one = statement(effect, Principal=principal, **elements)
    return attached(one, kind=Kind.RESOURCE, name="bucket")


def bounded(*statements: dict[str, Any]) -> policy.Attached:
    return attached(*statements, kind=Kind.BOUNDARY, name="boundary")


def sessions(*statements: dict[str, Any]) -> tuple[policy.Attached, ...]:
    return (attached(*statements, kind=Kind.SESSION, name="session"),)


def level(*statements: dict[str, Any], kind: Kind = Kind.SERVICE_CONTROL) -> Level:
    written = [
        {**one, "Principal": "*"} if kind is Kind.RESOURCE_CONTROL else one for one in statements
    ]
    return (attached(*written, kind=kind, name="level"),)


def decide(
    policies: Policies, principal: policy.Principal = USER, account: str = HERE
) -> policy.Decision:
    return policy.evaluate(request(principal, account=account), policies)


def test_what_nobody_speaks_of_is_denied() -> None:
    found = decide(Policies())
    assert found == policy.Decision(Verdict.IMPLICITLY_DENIED, None, (Kind.IDENTITY,))


def test_the_statement_that_decided_is_named() -> None:
    group = attached(NOTHING, statement(Sid="All"), name="group")
    found = decide(Policies(identity=(attached(NOTHING), group)))
    assert found == policy.Decision(
        Verdict.ALLOWED, policy.Deciding(Kind.IDENTITY, "group", "All", 1)
    )


@pytest.mark.parametrize(
    ("asked", "action", "expected"),
    [
        ("s3:GetObject", "s3:GetObject", True),
        ("s3:GetObject", "S3:getobject", True),
        ("s3:GetObject", "s3:Get*", True),
        ("s3:GetObject", "s3:?etObject", True),
        ("s3:GetObject", "*", True),
        ("s3:GetObject", "*:GetObject", True),
        ("s3:GetObject", "s3:GetObjectAcl", False),
        ("s3:GetObject", "s3-outposts:*", False),
    ],
)
def test_actions_are_matched_without_case_and_with_wildcards(
    asked: str, action: str, expected: bool
) -> None:
    assert allows(statement(Action=action), request(action=asked)) is expected
    but = {"Effect": "Allow", "NotAction": action, "Resource": "*"}
    assert allows(but, request(action=asked)) is not expected


def test_not_resource_means_all_others() -> None:
    but = statement(NotResource="arn:aws:s3:::secret/*")
    assert allows(but, request())
    assert not allows(but, request(resource="arn:aws:s3:::secret/x"))
    assert not allows({"Effect": "Allow", "Action": "*", "NotResource": "*"}, request())


def test_a_statement_about_some_resource_does_not_mean_an_action_without_one() -> None:
    assert not allows(statement(Resource="arn:aws:s3:::*"), request(resource="*"))
    assert allows(statement(), request(resource="*"))


DENY = statement("Deny", Sid="No")
PLACES = {
    Kind.IDENTITY: Policies(identity=(ALLOW, attached(DENY))),
    Kind.BOUNDARY: Policies(identity=(ALLOW,), boundary=bounded(statement(), DENY)),
    Kind.SESSION: Policies(identity=(ALLOW,), session=sessions(statement(), DENY)),
    Kind.RESOURCE: Policies(identity=(ALLOW,), resource=resource("*", "Deny", Sid="No")),
    Kind.SERVICE_CONTROL: Policies(
        identity=(ALLOW,), service_control=(level(statement()), level(statement(), DENY))
    ),
    Kind.RESOURCE_CONTROL: Policies(
        identity=(ALLOW,), resource_control=(level(statement(), DENY, kind=Kind.RESOURCE_CONTROL),)
    ),
    Kind.ACCOUNT: Policies(identity=(ALLOW,), account=(attached(DENY, kind=Kind.ACCOUNT),)),
    Kind.ENDPOINT: Policies(
        identity=(ALLOW,),
        endpoint=attached(statement("Deny", Sid="No", Principal="*"), kind=Kind.ENDPOINT),
    ),
}


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("principal", [ROOT, USER, SESSION], ids=["root", "user", "session"])
def test_a_denial_anywhere_decides(kind: Kind, principal: policy.Principal) -> None:
    found = decide(PLACES[kind], principal)
    assert found.verdict is Verdict.EXPLICITLY_DENIED
    assert found.decided_by is not None
    assert (found.decided_by.kind, found.decided_by.sid) == (kind, "No")


def test_the_root_of_an_account_needs_no_permission_there() -> None:
    assert decide(Policies(), ROOT).is_allowed
    assert not decide(Policies(), ROOT, THERE).is_allowed
    assert not decide(Policies(service_control=(level(NOTHING),)), ROOT).is_allowed


def test_every_level_of_an_organization_must_allow() -> None:
    whole, part = level(statement()), level(NOTHING)
    assert decide(Policies(identity=(ALLOW,), service_control=(whole, whole))).is_allowed
    for levels in ((whole, part), (part, whole)):
        found = decide(Policies(identity=(ALLOW,), service_control=levels))
        assert found.missing == (Kind.SERVICE_CONTROL,)
    assert decide(Policies(service_control=(whole,))).missing == (Kind.IDENTITY,)
    within = level(NOTHING, kind=Kind.RESOURCE_CONTROL)
    found = decide(Policies(identity=(ALLOW,), resource_control=(within,)))
    assert found.missing == (Kind.RESOURCE_CONTROL,)


def test_a_boundary_only_takes_away() -> None:
    assert not decide(Policies(boundary=bounded(statement()))).is_allowed
    assert decide(Policies(identity=(ALLOW,), boundary=bounded(statement()))).is_allowed
    found = decide(Policies(identity=(ALLOW,), boundary=bounded(NOTHING)))
    assert found.missing == (Kind.BOUNDARY,)


def test_a_session_policy_only_takes_away() -> None:
    assert not decide(Policies(session=sessions(statement())), SESSION).is_allowed
    assert decide(Policies(identity=(ALLOW,), session=sessions(statement())), SESSION).is_allowed
    found = decide(Policies(identity=(ALLOW,), session=sessions(NOTHING)), SESSION)
    assert found.missing == (Kind.SESSION,)
    assert not decide(Policies(identity=(ALLOW,), session=()), FEDERATED).is_allowed


def test_all_that_is_missing_is_told_in_the_order_of_evaluation() -> None:
    found = decide(
        Policies(
            boundary=bounded(NOTHING), session=sessions(NOTHING), service_control=(level(NOTHING),)
        )
    )
    assert found.missing == (Kind.SERVICE_CONTROL, Kind.BOUNDARY, Kind.SESSION, Kind.IDENTITY)


@pytest.mark.parametrize(
    ("who", "named", "alone", "despite_boundary", "despite_session"),
    [
        (USER, "*", True, True, True),
        (USER, {"AWS": "*"}, True, True, True),
        (USER, {"AWS": USER.arn}, True, True, True),
        (USER, ACCOUNT, False, False, False),
        (USER, {"AWS": ROOT.arn}, False, False, False),
        (USER, {"AWS": ROLE_ARN}, False, False, False),
        (ROOT, ACCOUNT, True, True, True),
        (SESSION, {"AWS": SESSION.arn}, True, True, True),
        (SESSION, {"AWS": ROLE_ARN}, True, False, False),
        (SESSION, ACCOUNT, False, False, False),
        (SESSION, "*", True, True, True),
        (FEDERATED, {"AWS": FEDERATED.arn}, True, True, True),
        (FEDERATED, {"AWS": USER.arn}, True, False, False),
    ],
)
def test_within_an_account_the_worth_of_a_resource_policy_depends_on_whom_it_names(
    who: policy.Principal, named: Any, alone: bool, despite_boundary: bool, despite_session: bool
) -> None:
    granting = resource(named)
    assert decide(Policies(resource=granting), who).is_allowed is alone
    # The root of an account has neither a boundary nor a session.
    within = Policies(resource=granting, boundary=bounded(NOTHING))
    assert decide(within, who).is_allowed is despite_boundary
    within = Policies(resource=granting, session=sessions(NOTHING))
    assert decide(within, who).is_allowed is despite_session


@pytest.mark.parametrize("named", ["*", ACCOUNT, {"AWS": ROOT.arn}, {"AWS": USER.arn}])
def test_between_accounts_both_sides_must_allow(named: Any) -> None:
    granting = resource(named)
    assert decide(Policies(identity=(ALLOW,), resource=granting), account=THERE).is_allowed
    assert decide(Policies(resource=granting), account=THERE).missing == (Kind.IDENTITY,)
    assert decide(Policies(identity=(ALLOW,)), account=THERE).missing == (Kind.RESOURCE,)
    limited = Policies(identity=(ALLOW,), resource=granting, boundary=bounded(NOTHING))
    assert decide(limited, account=THERE).missing == (Kind.BOUNDARY,)


def test_services_and_strangers_have_only_what_the_resource_grants() -> None:
    granting = resource({"Service": "ec2.amazonaws.com"})
    assert decide(Policies(resource=granting), SERVICE).is_allowed
    assert not decide(Policies(resource=granting), ANONYMOUS).is_allowed
    assert decide(Policies(resource=resource("*")), ANONYMOUS).is_allowed
    assert not decide(Policies(), ANONYMOUS).is_allowed


def test_unique_ids_and_canonical_users_name_principals_too() -> None:
    named = USER._replace(ids=("AIDAJQABLZS4A3QDU576Q",), canonical_user="a" * 64)
    granting = resource({"AWS": "AIDAJQABLZS4A3QDU576Q"})
    assert decide(Policies(resource=granting), named).is_allowed
    assert not decide(Policies(resource=granting)).is_allowed
    owner = resource({"CanonicalUser": "a" * 64})
    assert decide(Policies(identity=(ALLOW,), resource=owner), named, THERE).is_allowed


@pytest.mark.parametrize(
    ("who", "excepted", "is_denied"),
    [
        (USER, [USER.arn, ROOT.arn], False),
        (USER, [USER.arn, HERE], False),
        (USER, [USER.arn], True),
        (USER, [ROOT.arn], True),
        (ROOT, [ROOT.arn], False),
        (SESSION, [SESSION.arn, ROLE_ARN, ROOT.arn], False),
        (SESSION, [ROLE_ARN, ROOT.arn], True),
        (SESSION, [SESSION.arn, ROOT.arn], True),
        (USER._replace(is_bounded=True), [USER.arn, ROOT.arn], True),
        (SERVICE, [ROOT.arn], True),
    ],
)
def test_a_denial_to_all_but_some_excepts_account_role_and_session_each(
    who: policy.Principal, excepted: list[str], is_denied: bool
) -> None:
    one = statement("Deny", NotPrincipal={"AWS": excepted})
    denying = attached(one, kind=Kind.RESOURCE)
    verdict = decide(Policies(identity=(ALLOW,), resource=denying), who).verdict
    assert (verdict is Verdict.EXPLICITLY_DENIED) is is_denied


@pytest.mark.parametrize(("user", "is_denied"), [("a" * 64, False), ("b" * 64, True), ("", True)])
def test_a_canonical_user_excepts_his_account(user: str, is_denied: bool) -> None:
    one = statement("Deny", NotPrincipal={"CanonicalUser": "a" * 64})
    denying = attached(one, kind=Kind.RESOURCE)
    who = ROOT._replace(canonical_user=user)
    verdict = decide(Policies(resource=denying), who).verdict
    assert (verdict is Verdict.EXPLICITLY_DENIED) is is_denied


@pytest.mark.parametrize(
    ("listed", "account", "identity", "is_allowed"),
    [
        (Closeness.HIMSELF, HERE, (), True),
        (Closeness.ACCOUNT, HERE, (), False),
        (Closeness.ACCOUNT, HERE, (ALLOW,), True),
        (Closeness.HIMSELF, THERE, (), False),
        (Closeness.HIMSELF, THERE, (ALLOW,), True),
        (Closeness.ACCOUNT, THERE, (ALLOW,), True),
        (Closeness.NOT_AT_ALL, THERE, (ALLOW,), False),
    ],
)
def test_a_list_is_worth_what_the_resources_policy_would_be(
    listed: Closeness, account: str, identity: tuple[policy.Attached, ...], is_allowed: bool
) -> None:
    policies = Policies(identity=identity, listed=listed)
    assert decide(policies, USER, account).is_allowed is is_allowed


def trust(principal: Any) -> policy.Attached:
    actions = ["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity"]
    one = {"Effect": "Allow", "Action": actions, "Principal": principal}
    return attached(one, kind=Kind.TRUST, name="deploy")


@pytest.mark.parametrize(
    ("named", "identity", "is_allowed"),
    [
        (ACCOUNT, (ALLOW,), True),
        (ACCOUNT, (), False),
        ({"AWS": USER.arn}, (), True),
        ({"AWS": THERE}, (ALLOW,), False),
    ],
)
def test_a_role_is_assumed_only_by_whom_it_trusts(
    named: Any, identity: tuple[policy.Attached, ...], is_allowed: bool
) -> None:
    asked = request(action="sts:AssumeRole", resource=ROLE_ARN)
    found = policy.evaluate(asked, Policies(identity=identity, resource=trust(named)))
    assert found.is_allowed is is_allowed
    between = policy.evaluate(
        asked._replace(resource_account=THERE), Policies(identity=(ALLOW,), resource=trust(named))
    )
    assert between.is_allowed is (named != {"AWS": THERE})


def test_a_role_named_by_its_id_is_worth_as_much_as_by_its_arn() -> None:
    role = "AROAJQABLZS4A3QDU576Q"
    session = SESSION._replace(ids=(f"{role}:job",), issuer_id=role)
    bound = Policies(resource=resource({"AWS": role}), boundary=bounded(NOTHING))
    assert decide(bound._replace(boundary=None), session).is_allowed
    assert decide(bound, session).missing == (Kind.BOUNDARY,)


def test_an_identity_provider_vouches_only_for_whom_the_role_trusts() -> None:
    provider = f"arn:aws:iam::{HERE}:oidc-provider/id.example"
    who = policy.Principal(policy.PrincipalKind.FEDERATED, "", provider)
    asked = request(who, "sts:AssumeRoleWithWebIdentity", ROLE_ARN)
    assert policy.evaluate(asked, Policies(resource=trust({"Federated": provider}))).is_allowed
    found = policy.evaluate(asked, Policies(resource=trust({"Federated": provider + "/x"})))
    assert found.missing == (Kind.TRUST,)


def test_an_endpoint_must_allow() -> None:
    some = attached(statement(Principal="*", Action="ec2:*"), kind=Kind.ENDPOINT)
    assert decide(Policies(identity=(ALLOW,), endpoint=some)).missing == (Kind.ENDPOINT,)


def test_the_allowances_of_an_account_policy_have_no_say() -> None:
    assert not decide(Policies(account=(attached(statement(), kind=Kind.ACCOUNT),))).is_allowed


def test_every_statement_that_matches_can_be_listed() -> None:
    policies = Policies(identity=(attached(statement(Sid="a"), NOTHING, DENY),))
    assert [one.sid for one in policy.matching(request(), policies)] == ["No", "a"]


@pytest.mark.parametrize(
    ("policies", "end"),
    [
        (Policies(), "because no identity-based policy allows the s3:GetObject action"),
        (PLACES[Kind.BOUNDARY], "with an explicit deny in a permissions boundary"),
        (PLACES[Kind.IDENTITY], "with an explicit deny in an identity-based policy"),
        (
            Policies(identity=(ALLOW,), session=sessions(NOTHING)),
            "because no session policy allows the s3:GetObject action",
        ),
    ],
)
def test_a_refusal_says_which_kind_of_policy_it_was(policies: Policies, end: str) -> None:
    found = policy.describe(request(), decide(policies))
    start = f"User: {USER.arn} is not authorized to perform: s3:GetObject on resource: {OBJECT}"
    assert found == f"{start} {end}"


actions = st.sampled_from(["*", "s3:*", "s3:Get*", "s3:Put*", "ec2:*", "s3:GetObject"])
resources = st.sampled_from(["*", "arn:aws:s3:::box/*", "arn:aws:s3:::box/${aws:username}/*"])
tests = st.sampled_from(
    [{}, {"Bool": {"aws:SecureTransport": "true"}}, {"StringNotEquals": {"aws:x": "y"}}]
)
statements = st.builds(
    lambda effect, action, where, test: statement(
        effect, Action=action, Resource=where, Condition=test
    ),
    st.sampled_from(["Allow", "Allow", "Deny"]),
    actions,
    resources,
    tests,
)
lists = st.lists(statements, min_size=1, max_size=4)
requests = st.builds(
    lambda who, action, where, secure, account: request(
        who, action, where, account, {"aws:SecureTransport": secure, "aws:username": "a"}
    ),
    st.sampled_from([USER, SESSION, ROOT]),
    st.sampled_from(["s3:GetObject", "s3:PutObject", "ec2:RunInstances"]),
    st.sampled_from(["*", OBJECT, "arn:aws:s3:::other/x"]),
    st.booleans(),
    st.sampled_from([HERE, THERE]),
)


@st.composite
def whole(draw: st.DrawFn) -> Policies:
    named = draw(st.sampled_from(["*", ACCOUNT, {"AWS": [USER.arn, ROLE_ARN]}]))
    return Policies(
        identity=tuple(attached(*one) for one in draw(st.lists(lists, max_size=3))),
        boundary=draw(st.none() | lists.map(lambda one: bounded(*one))),
        session=draw(st.none() | lists.map(lambda one: sessions(*one))),
        resource=draw(
            st.none()
            | lists.map(
                lambda one: attached(*({**s, "Principal": named} for s in one), kind=Kind.RESOURCE)
            )
        ),
        service_control=draw(st.lists(lists.map(lambda one: level(*one)), max_size=2).map(tuple)),
    )


@given(requests, whole())
def test_one_more_denial_denies(asked: policy.Request, policies: Policies) -> None:
    more = policies._replace(identity=(*policies.identity, attached(DENY)))
    assert policy.evaluate(asked, more).verdict is Verdict.EXPLICITLY_DENIED


@given(requests, whole(), statements)
def test_one_more_allowance_takes_nothing_away(
    asked: policy.Request, policies: Policies, one: dict[str, Any]
) -> None:
    more = policies._replace(identity=(*policies.identity, attached({**one, "Effect": "Allow"})))
    if policy.evaluate(asked, policies).is_allowed:
        assert policy.evaluate(asked, more).is_allowed


@given(requests, whole(), lists)
def test_one_more_boundary_gives_nothing(
    asked: policy.Request, policies: Policies, one: list[dict[str, Any]]
) -> None:
    free = policies._replace(boundary=None)
    if not policy.evaluate(asked, free).is_allowed:
        assert not policy.evaluate(asked, free._replace(boundary=bounded(*one))).is_allowed


@given(requests, whole(), st.randoms())
def test_the_order_of_policies_and_statements_changes_nothing(
    asked: policy.Request, policies: Policies, random: Any
) -> None:
    shuffled = list(policies.identity)
    random.shuffle(shuffled)
    other = policy.evaluate(asked, policies._replace(identity=tuple(shuffled)))
    assert other.verdict is policy.evaluate(asked, policies).verdict
    assert other.missing == policy.evaluate(asked, policies).missing


@given(requests, lists, st.randoms())
def test_the_order_of_statements_changes_nothing(
    asked: policy.Request, written: list[dict[str, Any]], random: Any
) -> None:
    turned = list(written)
    random.shuffle(turned)
    one = policy.evaluate(asked, Policies(identity=(attached(*written),)))
    other = policy.evaluate(asked, Policies(identity=(attached(*turned),)))
    assert one.verdict is other.verdict
