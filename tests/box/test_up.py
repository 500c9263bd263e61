"""What `mallee up` says of a cloud that does not come."""

import json
from pathlib import Path

import pytest

from mallee.box import owners, status, steps, up
from mallee.model.layout import Layout
from mallee.model.settings import Settings


def test_a_cloud_that_does_not_answer_says_why_it_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(tmp_path)
    for folder in (layout.run, layout.log):
        folder.mkdir()
    owners.ensure_settings(layout, Settings())
    monkeypatch.setattr(up, "CLOUD_READY_S_MAX", 0.2)
    answer = next(step for step in up.start_steps(layout) if "answer" in step.name)

    def ends(*_: object) -> bool:
        (layout.log / "cloud.err").write_text("Traceback\nBroken: quite\n")
        daemons = {"cloud": {"last_end": "ended with status 1"}}
        status.report_file(layout).write_text(json.dumps({"daemons": daemons}))
        return False

    monkeypatch.setattr(up, "_answers", ends)
    with pytest.raises(steps.Failed) as failed:
        answer.do(lambda line: None)
    assert "its supervisor says: ended with status 1" in failed.value.cause
    assert "it last said: Broken: quite" in failed.value.cause
