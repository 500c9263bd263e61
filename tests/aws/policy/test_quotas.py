from typing import Any

from mallee.aws import policy
from tests.aws.policy.making import attached, request, statement


def limit(resource: str = "*", **quotas: int) -> dict[str, Any]:
    keys = {f"ec2:quota-{key}": value for key, value in quotas.items()}
    condition = {"NumericLessThanEquals": keys}
    return statement("Limit", Action="ec2:*", Resource=resource, Condition=condition)


def values(*policies: policy.Attached) -> dict[tuple[str, str], int]:
    return {(one.key, one.resource): one.value for one in policy.limits(policies)}


def test_the_lowest_limit_holds() -> None:
    found = values(
        attached(limit(addressnumber=5, volumenumber=7)), attached(limit(addressnumber=3))
    )
    assert found == {("ec2:quota-addressnumber", "*"): 3, ("ec2:quota-volumenumber", "*"): 7}


def test_keys_are_the_same_in_any_case() -> None:
    found = values(attached(limit(AddressNumber=5)), attached(limit(ADDRESSNUMBER=4)))
    assert found == {("ec2:quota-addressnumber", "*"): 4}


def test_a_limit_of_a_zone_stands_beside_that_of_the_account() -> None:
    zone = "arn:aws:ec2:::availabilityzone/one"
    found = values(attached(limit(addressnumber=5), limit(zone, addressnumber=2)))
    assert found == {
        ("ec2:quota-addressnumber", "*"): 5,
        ("ec2:quota-addressnumber", zone): 2,
    }


def test_the_statement_that_set_it_is_named() -> None:
    one = attached({**limit(addressnumber=5), "Sid": "Few"}, kind=policy.Kind.ACCOUNT, name="q")
    (found,) = policy.limits([one])
    assert found.set_by == policy.Deciding(policy.Kind.ACCOUNT, "q", "Few", 0)


def test_a_limit_neither_allows_nor_denies() -> None:
    asked = request(action="ec2:RunInstances", found={"ec2:quota-addressnumber": "1"})
    only = policy.Policies(identity=(attached(limit(addressnumber=5)),))
    assert policy.evaluate(asked, only).verdict is policy.Verdict.IMPLICITLY_DENIED
    beside = policy.Policies(identity=(attached(limit(addressnumber=0), statement()),))
    assert policy.evaluate(asked, beside).is_allowed
