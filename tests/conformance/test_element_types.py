"""What a lowering lets through, the kernel takes: a small model of every operator, for every element type that its schema allows.

Nothing is compiled: the steps are held against the kernels' signatures, their traits' bounds and who implements those
(`mirror.of_step`). A model that is refused is right by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import cases
import harness
import mirror
import numpy as np
import onnx
import pytest
import rustdoc
import test_classical
import test_integer
import test_one_sample_at_a_time
import test_open_sizes
import test_spelled_patterns
from onnx import numpy_helper
from rustdoc import Type
from spelled_patterns import PATTERNS

from onnx2rust.base.errors import Onnx2RustError
from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.frontends import Loaded
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Layer
from onnx2rust.ir.program import Program
from onnx2rust.model import schemas
from onnx2rust.model.schemas import ML
from onnx2rust.ops import operators

Name = tuple[str, str]
AS_ATTRIBUTE = ("to", "dtype", "output_dtype")
"""Attributes that name an element type."""
ENOUGH = 3
"""Models of an operator."""
KNOWN = {t.spelling: t for t in DType if t.is_known}


def models() -> Iterator[onnx.ModelProto]:
    """Small models, most of them of one operator."""
    cases.reseed()
    official = [case for case in harness.cases() if len(case.model.graph.node) == 1]
    sources = (
        test_one_sample_at_a_time.every(),
        official,
        map(_knowing, {case.model.graph.node[0].op_type: case for case in official}.values()),
        test_open_sizes._cases(),
        (case for family in test_classical.FAMILIES for case in family()),
        test_integer.matrices(),
        test_integer.images(),
        test_integer.quantised(),
        (test_spelled_patterns._case(name) for name in PATTERNS),
    )
    yield from (case.model for source in sources for case in source)


def _knowing(case: harness.Case) -> harness.Case:
    """The case with all inputs but the first known at conversion."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    for info, array in list(zip(model.graph.input, case.data[0][0], strict=True))[1:]:
        if isinstance(array, np.ndarray) and info.type.HasField("tensor_type"):
            model.graph.initializer.append(numpy_helper.from_array(array, info.name))
            model.graph.input.remove(info)
    return replace(case, model=model)


def retyped(model: onnx.ModelProto, name: Name) -> Iterator[tuple[str, onnx.ModelProto]]:
    """The model with each type of its operator as every element type that the schema allows and that exists here."""
    opset = next(o.version for o in model.opset_import if o.domain in schemas.ONNX_DOMAINS or o.domain == name[0])
    for at, node in enumerate(model.graph.node):
        if (node.domain, node.op_type) != name:
            continue
        schema = schemas.schema(node.op_type, node.domain, opset)
        assert schema is not None
        for constraint in schema.type_constraints:
            formal = [schema.inputs[min(k, len(schema.inputs) - 1)].type_str for k in range(len(node.input))]
            names = {n for n, variable in zip(node.input, formal, strict=True) if variable == constraint.type_param_str and n}
            for spelling in constraint.allowed_type_strs:
                if names and spelling in KNOWN and (made := _with(model, names, KNOWN[spelling])) is not None:
                    yield f"{name[1]}, {constraint.type_param_str} = {spelling}", made
        for attribute in node.attribute:
            if attribute.name in AS_ATTRIBUTE:
                for dtype in KNOWN.values():
                    made = onnx.ModelProto()
                    made.CopyFrom(_untyped(model))
                    (place,) = (a for a in made.graph.node[at].attribute if a.name == attribute.name)
                    place.i = dtype.onnx
                    yield f"{name[1]}, {attribute.name} = {dtype}", made


def _untyped(model: onnx.ModelProto) -> onnx.ModelProto:
    made = onnx.ModelProto()
    made.CopyFrom(model)
    del made.graph.value_info[:]
    outputs = [onnx.ValueInfoProto(name=o.name) for o in model.graph.output]
    del made.graph.output[:]
    made.graph.output.extend(outputs)
    return made


def _with(model: onnx.ModelProto, names: set[str], dtype: DType) -> onnx.ModelProto | None:
    """The model with these inputs and constants of another type; None if one of them is neither, or no tensor."""
    made = _untyped(model)
    missing = set(names)
    for info in made.graph.input:
        if info.name in names and info.type.HasField("tensor_type"):
            info.type.tensor_type.elem_type = dtype.onnx
            missing.discard(info.name)
    for tensor in made.graph.initializer:
        if tensor.name in names:
            before = numpy_helper.to_array(tensor)
            numbers = np.ones(before.shape) if before.dtype.kind in "OU" else before
            content = np.full(before.shape, "a", object) if dtype is DType.STRING else numbers.astype(dtype.numpy)
            tensor.CopyFrom(numpy_helper.from_array(content, tensor.name))
            missing.discard(tensor.name)
    return None if missing else made


def lowered(model: onnx.ModelProto) -> Program | None:
    """Its program, unless it is refused."""
    try:
        return pipeline.lower(Loaded(model, "onnx", "onnx", ()), Options(name="Case", binary_classification=False))
    except Onnx2RustError:
        return None


@pytest.mark.slow
def test_kernels_take_what_lowerings_let_through() -> None:
    crate, complaints, seen, tried = rustdoc.tf_layers(), set[str](), set[type[Layer]](), Counter[Name]()
    supported = {name for name in operators() if name[1] not in schemas.ONNXRUNTIMES}
    for model in models():
        names = {(node.domain, node.op_type) for node in model.graph.node} & supported
        made = [("as it is", model), *(each for name in names if tried[name] < ENOUGH for each in retyped(model, name))]
        for how, each in made:
            program = lowered(each)
            steps = [step for step in program.walk() if step.layer.rust] if program is not None else []
            seen.update(type(step.layer) for step in steps)
            complaints |= {f"{model.graph.name}, {how}: {step.layer}: {w}" for step in steps for w in mirror.of_step(step, crate)}
            if program is not None and how == "as it is":
                tried.update(names)
    assert sorted(complaints) == []
    assert supported - tried.keys() == {(ML, "ZipMap")}, "operators without a model, but for one whose result is no tensor"
    assert set(mirror.layers()) - seen == set(), "layers that no model here has"


@pytest.mark.slow
def test_a_step_whose_element_type_has_no_kernel_is_named() -> None:
    program = lowered(cases.case("sum", [cases.node("ReduceSum", "x")], {"x": np.ones((3, 4))}).model)
    assert program is not None
    (step,) = [s for s in program.steps if s.layer.rust]
    crate = rustdoc.tf_layers()
    assert mirror.of_step(step, crate) == []
    missing = {(Type("f64"), Type("Reducible"))}
    without = replace(crate, implemented={**crate.implemented, "Reducible": crate.implemented["Reducible"] - missing})
    assert mirror.of_step(step, without) == ["`run` asks for Reducible, which f64 is not"]
    more = replace(step, inputs=(*step.inputs, *step.inputs))
    assert "`run` takes " in mirror.of_step(more, crate)[0]
