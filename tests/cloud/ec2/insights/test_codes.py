"""Every way's end has its words, and every end that is no success has AWS's code."""

from mallee.cloud.ec2.insights.explanations import AWS_CODES
from mallee.cloud.explain.packets import WHY
from mallee.model.packets.hops import PASSES, End


def test_no_end_is_without_words_and_code() -> None:
    assert set(WHY) == set(End)
    assert set(AWS_CODES) == set(End) - PASSES
    assert all(cure for end, (_, cure) in WHY.items() if end not in PASSES)
