"""Conditions, compiled: whether the context of a request passes the tests of a statement.

What AWS says about several values and none, as kept here:
1. A key that is not there fails a test; it passes a negated one, and any with IfExists.
2. The values of a policy are alternatives; of a negated operator, none of them may fit.
3. ForAllValues asks that each value of the request passes: true when there is none.
   ForAnyValue asks that at least one does: false when there is none.
4. A key with several values wants one of these two. Where neither is written, AWS leaves open what
   happens; here such a test never allows and never hinders a denial.
5. Empty texts alone are no values to rule 3.
"""

from collections.abc import Callable, Sequence

from mallee.aws.policy import operators
from mallee.aws.policy.document import Condition
from mallee.aws.policy.operators import OPERATORS
from mallee.aws.policy.texts import Context, TextTest, Values

Test = Callable[[Context], bool]
_ALL, _ANY, _IF_EXISTS = "forallvalues", "foranyvalue", "IfExists"

_SPELLINGS = {name.lower(): name for name in (*OPERATORS, "Null")}
"""Operators may be written in any case."""


def split(operator: str) -> tuple[str, str, bool]:
    """Return the quantifier in lower case, the operator as in the table, and whether IfExists.

    Raises ValueError for what is no operator.
    """
    quantifier, colon, name = operator.rpartition(":")
    folded = name.lower()
    if_exists = folded.endswith(_IF_EXISTS.lower()) and folded != "nullifexists"
    known = _SPELLINGS.get(folded.removesuffix(_IF_EXISTS.lower()) if if_exists else folded)
    quantified = quantifier.lower() in (_ALL, _ANY) if colon else True
    if known is None or not quantified or (known == "Null" and colon):
        raise ValueError(f"Invalid Condition type : {operator}")
    return quantifier.lower(), known, if_exists


def compile_condition(condition: Condition, has_variables: bool, denies: bool) -> Test:
    """Return the test of one condition. Raises ValueError for values that its operator refuses."""
    quantifier, name, if_exists = split(condition.operator)
    key = condition.key.lower()
    if name == "Null":
        return _null(key, condition.values)
    operator = OPERATORS[name]
    has_variables = has_variables and operator.takes_variables
    passes = _either(
        [operator.compile(value, has_variables) for value in condition.values],
        operator.is_negated,
    )
    if quantifier:
        return _quantified(key, passes, every=quantifier == _ALL, if_exists=if_exists)
    return _plain(key, passes, missing=if_exists or operator.is_negated, denies=denies)


def _null(key: str, values: Sequence[str]) -> Test:
    wanted = {operators.parse_truth(value) for value in values}
    return lambda context: (context.get(key, ()) == ()) in wanted


def _either(tests: Sequence[TextTest], is_negated: bool) -> TextTest:
    """Of the policy's values any may fit; none may when the operator is negated."""
    if len(tests) == 1:
        test = tests[0]
        return (lambda value, context: not test(value, context)) if is_negated else test

    def passes(value: str, context: Context) -> bool:
        for test in tests:
            if test(value, context):
                return not is_negated
        return is_negated

    return passes


def _plain(key: str, passes: TextTest, *, missing: bool, denies: bool) -> Test:
    def test(context: Context) -> bool:
        found = context.get(key)
        if isinstance(found, str):
            return passes(found, context)
        if not found:
            return missing
        if len(found) == 1:
            return passes(found[0], context)
        return denies and any(passes(value, context) for value in found)

    return test


def _quantified(key: str, passes: TextTest, *, every: bool, if_exists: bool) -> Test:
    def test(context: Context) -> bool:
        found = _several(context.get(key, ()))
        if not found:
            return every or if_exists
        if not any(found):
            return every
        if every:
            return all(passes(value, context) for value in found)
        return any(passes(value, context) for value in found)

    return test


def _several(found: Values) -> tuple[str, ...]:
    return (found,) if isinstance(found, str) else found
