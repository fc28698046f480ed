"""What CloudWatch would make of a line of results.jsonl."""

from __future__ import annotations

import json
import pathlib

import jsonschema

SCHEMA = json.loads(
    (pathlib.Path(__file__).parents[1] / "data/aws/emf.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


def metrics(line):
    """Check that `line` (an object) is valid EMF; return its metrics.

    They are (dimensions, name) -> (value, unit), dimensions being a tuple of `Key=value`. That
    targets are members of the same object and of the right type, the schema cannot say.
    """
    assert [error.message for error in VALIDATOR.iter_errors(line)] == []
    found = {}
    for directive in line["_aws"]["CloudWatchMetrics"]:
        assert directive["Namespace"] == "hookd"
        for keys in directive["Dimensions"]:
            for key in keys:
                assert isinstance(line[key], str)
                assert 0 < len(line[key]) <= 1024
            at = tuple(f"{key}={line[key]}" for key in keys)
            for metric in directive["Metrics"]:
                value = line[metric["Name"]]
                assert isinstance(value, (int, float))
                assert not isinstance(value, bool)
                found[at, metric["Name"]] = (value, metric["Unit"])
    return found
