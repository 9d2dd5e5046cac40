"""Every version of every operator that opset 7 or a later one selects, at the first opset that has it, against onnxruntime."""

from __future__ import annotations

from collections.abc import Iterator

import cases
import forms_computing  # noqa: F401  (fills MODELS)
import forms_moving  # noqa: F401  (fills MODELS)
import forms_rare  # noqa: F401  (fills MODELS)
import harness
import numpy as np
import onnx
import pytest
from forms import MODELS, Form

from onnx2rust.model import schemas
from onnx2rust.ops import operators
from onnx2rust.oracle.referee import NoRefereeError, Referee

LOWEST = 7
# onnxruntime 1.32 has no kernel for these versions; the official node tests are all there is to hold them against
NO_REFERENCE: dict[str, set[int]] = {"QuantizeLinear": {28}, "DequantizeLinear": {28}, "GlobalLpPool": {22}}
NO_REFERENCE |= {name: {28} for name in ("Optional", "OptionalHasElement", "OptionalGetElement")}


def versions(operator: str) -> list[int]:
    """The versions that opsets from 7 up select."""
    all_ = onnx.defs.get_all_schemas_with_history()
    known = sorted(s.since_version for s in all_ if (s.domain, s.name) == ("", operator) and not s.deprecated)
    first = max((v for v in known if v <= LOWEST), default=known[0])
    return [v for v in known if v >= first]


def test_every_operator_of_several_versions_has_forms() -> None:
    """Those of one version are what the official tests test."""
    names = {name for domain, name in operators() if not domain and name not in schemas.ONNXRUNTIMES}
    assert {name for name in names if len(versions(name)) > 1} - set(MODELS) == set()


def _case(name: str, opset: int, form: Form) -> harness.Case:
    first = next(iter(form.inputs))
    shape = form.inputs[first].shape
    open_axes = {first: ["n", *shape[1:]]} if shape and not form.fixed else None
    return cases.case(
        name,
        form.nodes,
        form.inputs,
        opset=opset,
        open_axes=open_axes,
        known=form.known,
        outputs=form.outputs,
        rtol=1e-4,
        atol=1e-5,
    )


def _cases() -> Iterator[harness.Case]:
    for operator, forms in sorted(MODELS.items()):
        for version in versions(operator):
            for k, form in enumerate(forms(version)):
                name = f"{operator.lower()}_{version}_{k}"
                if version in NO_REFERENCE.get(operator, ()):
                    with pytest.raises(Exception, match="NOT_IMPLEMENTED"):
                        _case(name, max(version, LOWEST), form)
                else:
                    yield _case(name, max(version, LOWEST), form)


@pytest.mark.slow
def test_against_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    cases.reseed()
    monkeypatch.setattr(harness, "BUILD", harness.BUILD.with_name("old_opsets"))
    results = harness.run(list(_cases()))
    assert {name: why for name, why in results.items() if why} == {}


REFUSED_BY_THE_REFEREE = {
    "case_batchnormalization_7_3": "of each element",
    "case_batchnormalization_7_4": "of each element",
    **dict.fromkeys(["case_resize_11_5", "case_resize_11_6"], "tf_half_pixel_for_nn"),
    **dict.fromkeys(["case_upsample_7_0", "case_upsample_7_1", "case_upsample_9_1"], "scales as an attribute, and lines"),
    **dict.fromkeys(
        [f"case_reducelogsumexp_{v}" for v in ("1_3", "11_4", "13_4", "18_4", "28_4")], "whole numbers, which have no infinity"
    ),
}
"""The forms that onnx's evaluator cannot run."""


@pytest.mark.slow
def test_the_referee_computes_what_onnxruntime_does() -> None:
    """A version that onnx's evaluator does not know runs as the newest one there: wrong without a word."""
    cases.reseed()
    refused = set()
    for case in _cases():
        inputs, outputs = case.data[0]
        feeds = {info.name: np.asarray(a) for info, a in zip(case.model.graph.input, inputs, strict=True)}
        try:
            found = Referee(case.model).run(feeds)
        except NoRefereeError:
            refused.add(case.name)
            continue
        for a, b in zip(found, map(np.asarray, outputs), strict=True):
            assert a.shape == b.shape, case.name
            if b.dtype == np.float16:
                continue  # it does not round where halves are rounded
            np.testing.assert_allclose(a.astype(np.float64), b.astype(np.float64), rtol=1e-4, atol=1e-5, err_msg=case.name)
    assert refused == set(REFUSED_BY_THE_REFEREE)
