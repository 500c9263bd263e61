"""IAM's policy language: documents read, compiled to functions, and evaluated in AWS's order."""

from mallee.aws.policy.context import fold as fold
from mallee.aws.policy.decision import Attached as Attached
from mallee.aws.policy.decision import Deciding as Deciding
from mallee.aws.policy.decision import Decision as Decision
from mallee.aws.policy.decision import Policies as Policies
from mallee.aws.policy.decision import Verdict as Verdict
from mallee.aws.policy.decision import attached as attached
from mallee.aws.policy.decision import evaluate as evaluate
from mallee.aws.policy.decision import matching as matching
from mallee.aws.policy.document import Condition as Condition
from mallee.aws.policy.document import Document as Document
from mallee.aws.policy.document import Effect as Effect
from mallee.aws.policy.document import Kind as Kind
from mallee.aws.policy.document import Statement as Statement
from mallee.aws.policy.document import encode as encode
from mallee.aws.policy.grammar import size as size
from mallee.aws.policy.parser import parse as parse
from mallee.aws.policy.principals import Principal as Principal
from mallee.aws.policy.principals import PrincipalKind as PrincipalKind
from mallee.aws.policy.quotas import Limit as Limit
from mallee.aws.policy.quotas import limits as limits
from mallee.aws.policy.reasons import describe as describe
from mallee.aws.policy.rules import Compiled as Compiled
from mallee.aws.policy.rules import Request as Request
from mallee.aws.policy.rules import compiled as compiled
