from mallee.aws import policy
from mallee.aws.policy import rules
from tests.aws.policy.making import statement, text


def compiled(*statements: dict[str, object]) -> policy.Compiled:
    return policy.compiled(text(*statements), policy.Kind.IDENTITY)


def test_a_policy_is_compiled_once_for_its_text_and_kind() -> None:
    written = text(statement(Sid="once"))
    one = policy.compiled(written, policy.Kind.IDENTITY)
    assert policy.compiled(written, policy.Kind.IDENTITY) is one
    assert policy.compiled(written, policy.Kind.BOUNDARY) is not one


def test_what_was_not_used_for_long_is_forgotten() -> None:
    written = [text(statement(Sid=f"s{number}")) for number in range(10)]
    memory = rules.Memory(sum(map(len, written[:3])))
    first = memory.get(written[0], policy.Kind.IDENTITY)
    for one in written[1:3]:
        memory.get(one, policy.Kind.IDENTITY)
        assert memory.get(written[0], policy.Kind.IDENTITY) is first
    for one in written[3:]:
        memory.get(one, policy.Kind.IDENTITY)
    assert memory.length <= memory.length_max
    assert memory.get(written[0], policy.Kind.IDENTITY) is not first


def test_the_rules_of_an_action_are_found_by_its_service_and_in_their_order() -> None:
    found = compiled(
        statement(Action="s3:*"),
        statement(Action="ec2:Run*"),
        statement(Action="*"),
        statement("Deny", Action=["EC2:runinstances", "s3:x"]),
        {"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"},
    ).rules("ec2:RunInstances")
    assert [rule.position for rule in found.allowances] == [1, 2, 4]
    assert [rule.position for rule in found.denials] == [3]


def test_a_policy_remembers_only_so_many_actions() -> None:
    found = compiled(statement(Action="s3:*", Sid="memory"))
    for number in range(3 * rules.ACTIONS_MAX):
        assert found.rules(f"s3:Action{number}").allowances
    assert found.remembered <= rules.ACTIONS_MAX


def test_the_keys_that_a_policy_asks_for_are_known() -> None:
    found = compiled(
        statement(
            Resource="arn:aws:s3:::${AWS:UserName}",
            Condition={
                "StringLike": {"s3:Prefix": "${aws:PrincipalTag/Home, 'x'}/*"},
                "Null": {"aws:TokenIssueTime": "true"},
            },
        )
    )
    assert found.keys == {
        *("aws:username", "s3:prefix", "aws:principaltag/home", "aws:tokenissuetime"),
    }
