"""The official suite, strict both ways."""

from __future__ import annotations

import re

import harness
import numpy as np
import onnxruntime
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results() -> dict[str, str]:
    return harness.run(harness.cases())


def test_official_node_tests(results: dict[str, str]) -> None:
    listed = harness.listed()
    failing = {name for name, reason in results.items() if reason}
    unlisted = {n: results[n] for n in sorted(failing - set(listed))}
    passing = sorted(set(listed) - failing)
    assert not unlisted, f"fail without being listed: {unlisted}"
    assert not passing, f"are listed as unsupported, but pass (delete their lines): {passing}"
    refused = {n: results[n].splitlines()[0] for n in sorted(failing) if results[n].startswith("unsupported")}
    stale = {n: reason for n, reason in refused.items() if reason != listed[n]}
    assert not stale, f"are refused for another reason than the list says: {stale}"


def test_a_wrong_result_is_that_of_onnxruntime(results: dict[str, str]) -> None:
    """`wrong: output `Y`: element 8 is 16, …`: onnxruntime's element 8 is 16 as well."""
    cases = {case.name: case for case in harness.cases()}
    for name, reason in results.items():
        if not reason.startswith("wrong"):
            continue
        found = re.search(r"output `(.+)`: element (\d+) is ([-+.\de]+),", reason)
        assert found is not None, f"{name}: {reason}"
        session = onnxruntime.InferenceSession(cases[name].model.SerializeToString(), providers=["CPUExecutionProvider"])
        names = [i.name for i in session.get_inputs()]
        answers = session.run([found[1]], dict(zip(names, cases[name].data[0][0], strict=True)))
        assert np.ravel(answers[0])[int(found[2])] == pytest.approx(float(found[3]), rel=1e-6), name
