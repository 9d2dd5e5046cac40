"""Every operator's small models with one to three things changed that a damaged or malicious exporter could have written: a
crate's files and reports, or an error of ours that is no bug. `python tests/security/test_mutated_models.py
SEED COUNT` hunts for more."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "conformance")]

import cases
import test_old_opsets

from onnx2rust import emit, report
from onnx2rust.base.errors import Onnx2RustError
from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.frontends import Loaded, onnx_file
from onnx2rust.plan import planner

COUNT = 1500
INTEGERS = [-(2**63), -(10**9) - 7, -10, -3, -2, -1, 0, 1, 2, 3, 5, 7, 16, 64, 1000, 2**31, 2**62, 2**63 - 1]
FLOATS = [0.0, -0.0, -1.0, 1.5, 1e-40, 1e38, float("nan"), float("inf"), -float("inf")]
STRINGS = [
    b"",
    b"x",
    b"SAME_UPPER",
    b"VALID",
    b"linear",
    b"reflect",
    b"add",
    b"reverse",
    b"bidirectional",
    b"->",
    b"...",
    b"ij,jk->ik",
]


def attribute(graph: onnx.GraphProto, rng: random.Random) -> None:
    """An attribute gets another value, or is left out."""
    node = rng.choice(graph.node)
    if not node.attribute:
        return
    index = rng.randrange(len(node.attribute))
    a = node.attribute[index]
    if rng.random() < 0.2:
        del node.attribute[index]
    elif a.type == onnx.AttributeProto.INT:
        a.i = rng.choice(INTEGERS)
    elif a.type == onnx.AttributeProto.INTS:
        values = list(a.ints) or [0]
        values[rng.randrange(len(values))] = rng.choice(INTEGERS)
        a.ints[:] = rng.choice([values, values[:-1], [*values, rng.choice(INTEGERS)]])
    elif a.type == onnx.AttributeProto.FLOAT:
        a.f = rng.choice(FLOATS)
    elif a.type == onnx.AttributeProto.STRING:
        a.s = rng.choice(STRINGS)


def constant(graph: onnx.GraphProto, rng: random.Random) -> None:
    """A constant gets another element, shape or type."""
    if not graph.initializer:
        return
    tensor = rng.choice(graph.initializer)
    array = numpy_helper.to_array(tensor).copy()
    kind = rng.randrange(6)
    if kind < 3 and array.size:
        value = rng.choice(FLOATS) if array.dtype.kind == "f" else rng.choice(INTEGERS)
        with np.errstate(all="ignore"):
            array.reshape(-1)[rng.randrange(array.size)] = np.array(value).astype(array.dtype)
    elif kind == 3:
        array = rng.choice([array.reshape(-1), array.reshape(-1)[:-1], array[None], array.reshape(-1)[:0]])
    elif kind == 4:
        with np.errstate(all="ignore"):
            array = array.astype(rng.choice(["f4", "f8", "f2", "i8", "i4", "u1", "bool"]))
    else:  # what was known is given by the caller
        graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
        graph.initializer.remove(tensor)
        return
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), tensor.name))


def shape(graph: onnx.GraphProto, rng: random.Random) -> None:
    """An input gets another size, rank or type."""
    if not graph.input:
        return
    type_ = rng.choice(graph.input).type.tensor_type
    kind = rng.randrange(5)
    if kind == 0:
        type_.elem_type = rng.choice([1, 2, 3, 6, 7, 9, 10, 11])
    elif kind == 1:
        type_.shape.dim.add().dim_value = rng.choice([0, 1, 2, 3])
    elif kind == 2 and type_.shape.dim:
        del type_.shape.dim[rng.randrange(len(type_.shape.dim))]
    else:
        for dim in type_.shape.dim:
            if rng.random() < 0.5:
                dim.Clear()
                if kind == 3:
                    dim.dim_param = rng.choice(["n", "t", "q"])
                else:
                    dim.dim_value = rng.choice([0, 1, 2, 3, 5, 16])


def ports(graph: onnx.GraphProto, rng: random.Random) -> None:
    """A node has an input or output more or less, or one without a name."""
    node = rng.choice(graph.node)
    kind = rng.randrange(5)
    if kind == 0:
        node.output.append("more")
    elif kind == 1 and len(node.output) > 1:
        node.output.pop()
    elif kind == 2 and node.input:
        node.input[rng.randrange(len(node.input))] = ""
    elif kind == 3 and node.input:
        node.input.pop()
    elif node.input:
        node.input.append(rng.choice(node.input))


MUTATIONS: list[Callable[[onnx.GraphProto, random.Random], None]] = [attribute, constant, constant, shape, ports]


def mutated(originals: list[onnx.ModelProto], seed: int) -> onnx.ModelProto:
    """One of the models, changed."""
    rng = random.Random(seed)
    model = onnx.ModelProto()
    model.CopyFrom(rng.choice(originals))
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        rng.choice(MUTATIONS)(model.graph, rng)
    return model


def generate(model: onnx.ModelProto) -> None:
    """Everything but the reference and the disk."""
    options = Options(name="M", binary_classification=False)
    onnx_file.check_header(model)
    weights = onnx_file.read_data(model, Path())
    onnx_file.prepare(model, options)
    loaded = Loaded(model, "onnx", "onnx", weights=weights)
    program = pipeline.lower(loaded, options)
    context = emit.Context("m.onnx")
    rendered = emit.render(planner.plan(program, options), options, context)
    report.files(loaded, program, b"", rendered.model, "m.onnx", drawn=False)


def originals() -> list[onnx.ModelProto]:
    """Small models of every version of every operator."""
    cases.reseed()
    return [case.model for case in test_old_opsets._cases()]


@pytest.mark.slow
def test_no_mutation_is_a_bug_of_ours() -> None:
    models = originals()
    for seed in range(COUNT):
        check(models, seed)


def check(models: list[onnx.ModelProto], seed: int) -> None:
    """Fails with the seed."""
    try:
        generate(mutated(models, seed))
    except Onnx2RustError as error:
        if "bug in onnx2rust" in str(error):
            raise AssertionError(f"seed {seed}: {error}") from error
    except Exception as error:  # whatever it is: that is what is looked for
        raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error


if __name__ == "__main__":
    found = originals()
    for number in range(int(sys.argv[1]), int(sys.argv[1]) + int(sys.argv[2])):
        try:
            check(found, number)
        except AssertionError as error:
            print(error)
