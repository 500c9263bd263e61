"""Properties hold of every example, however long the machine lets one stand still."""

import hypothesis


def test_no_example_has_a_deadline_that_its_test_does_not_give() -> None:
    assert hypothesis.settings().deadline is None
    assert hypothesis.settings(max_examples=3).deadline is None
