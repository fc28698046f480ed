"""What leaves the machine of a result: everything but secrets."""

from __future__ import annotations

import copy

from support.documents import result
from support.journals import ran

from hookd.core.model import Check, Leftover, Outcome, Stream
from hookd.report.mask import masked

SECRET = "hunter2"


def document():
    """A document that holds a secret wherever somebody may have said one."""
    said = f"password={SECRET}"
    found, _, _ = result(
        *ran(
            "10-x",
            "failed",
            "pre",
            reason=said,
            stdout=Stream("/x.out", 99, said, said),
            stderr=Stream("/x.err", 99, said, said),
            outputs={"DB_PASSWORD": SECRET, "url": f"https://u:{SECRET}@h/", "size": "5"},
            left_running=(Leftover(7, f"mysql --password {SECRET}", False),),
        ),
        reason=said,
        checks=[Check("a.b", Outcome.FAIL, expected=said, found=said, reason=said, phase="pre")],
    )
    return {
        **found,
        "notes": [{"code": "x", "message": said}],
        "operation": {**found["operation"], "held": said, "follow_ups": [{"found": said}]},
    }


def test_no_secret_is_left_anywhere():
    assert str(document()).count(SECRET) == 15
    assert SECRET not in str(masked(document()))


def test_the_document_itself_is_not_changed():
    found = document()
    before = copy.deepcopy(found)

    masked(found)

    assert found == before


def test_everything_else_stays():
    found = document()
    hook, shown = found["phases"][0]["hooks"][0], masked(found)["phases"][0]["hooks"][0]

    assert shown["outputs"] == {
        "DB_PASSWORD": "[masked]",
        "url": "https://u:[masked]@h/",
        "size": "5",
    }
    assert shown["reason"] == shown["stdout"]["head"] == "password=[masked]"
    assert {k for k in hook if hook[k] != shown[k]} == {
        *("reason", "stdout", "stderr", "outputs", "left_running"),
    }
    assert masked(found)["changes"] == found["changes"]
