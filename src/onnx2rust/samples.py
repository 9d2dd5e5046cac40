"""Inputs for a model: the user's, or seeded draws that respect how an input is used; and what the reference makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from onnx2rust.dims import evaluate
from onnx2rust.dtypes import DType
from onnx2rust.errors import InvalidModelError, MismatchError, Problem, ToolError, UsageError
from onnx2rust.program import Program, Value

Array = np.ndarray[Any, Any]
SAMPLES = 8
LENGTH = 12
"""What a symbolic size other than the batch is in drawn samples."""


@dataclass(frozen=True)
class TestData:
    """`testdata/features.npz`: inputs as one flattened row a sample, expected outputs likewise under `expected` names."""

    arrays: dict[str, Array]
    expected: tuple[str, ...]
    samples: int
    batched: bool
    labels: Array | None = None


def batch_symbol(program: Program) -> str | None:
    """The symbol that counts samples: the first axis of every input and output."""
    if not program.symbols or not program.inputs:
        return None
    name = program.symbols[0]
    values = (*program.inputs, *program.outputs)
    return name if all(v.shape and str(v.shape[0]) == name for v in values) else None


class Reference:
    """The model in onnxruntime, one thread."""

    def __init__(self, proto: onnx.ModelProto) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self.session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own exception classes share no narrower base
            raise ToolError(f"onnxruntime, the reference, cannot load the model: {str(error)[:400]}") from error

    def run(self, feeds: dict[str, Array]) -> list[Array]:
        """All outputs, in the model's order."""
        try:
            return [np.asarray(a) for a in self.session.run(None, feeds)]
        except Exception as error:  # as above
            raise ToolError(f"onnxruntime, the reference, cannot run the model: {str(error)[:400]}") from error


def draw(value: Value, shape: tuple[int, ...], limit: int | None, rng: np.random.Generator) -> Array:
    """A random tensor for an input; `limit` bounds ids."""
    if value.dtype is DType.BOOL:
        return rng.integers(0, 2, shape).astype(bool)
    if value.dtype.is_float:
        return np.asarray(rng.standard_normal(shape)).astype(value.dtype.numpy)
    return rng.integers(0, limit or 8, shape).astype(value.dtype.numpy)


def shape_at(value: Value, sizes: dict[str, int]) -> tuple[int, ...]:
    """The input's shape for given sizes."""
    return tuple(evaluate(d, sizes) for d in value.shape)


def id_limits(proto: onnx.ModelProto, program: Program) -> dict[str, int]:
    """Per integer input: one more than the largest id, where the input selects from a table."""
    initializers = {t.name: t for t in proto.graph.initializer}
    follows = {
        "Cast",
        "Identity",
        "Reshape",
        "Unsqueeze",
        "Squeeze",
        "Flatten",
        "Add",
        "Where",
        "Clip",
        "Transpose",
        "Max",
        "Min",
    }
    limits: dict[str, int] = {}
    for value in program.inputs:
        if value.dtype.is_float:
            continue
        reached = {value.name}
        for node in proto.graph.node:
            if node.op_type in follows and reached & set(node.input):
                reached.update(node.output)
            elif node.op_type == "Gather" and len(node.input) > 1 and node.input[1] in reached and node.input[0] in initializers:
                axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
                size = initializers[node.input[0]].dims[axis]
                limits[value.name] = min(limits.get(value.name, size), size)
    return limits


def make(proto: onnx.ModelProto, program: Program, features: Path | None, rtol: float, atol: float, seed: int = 0) -> TestData:
    """The data that a generated crate is tested with."""
    reference = Reference(proto)
    batch = batch_symbol(program)
    names = program.output_names
    expected = ("predictions",) if len(names) == 1 else tuple(names)
    if features is None:
        inputs, count = _drawn(proto, program, batch, np.random.default_rng(seed)), SAMPLES if batch else 4
        given: dict[str, Array] = {}
    else:
        inputs, given, count = _read(features, program, batch)
    outputs = _reference_rows(reference, program, inputs, count, batch)
    for name, rows in zip(expected, outputs, strict=True):
        if name in given:
            _compare(name, given[name].reshape(rows.shape), rows, rtol, atol)
            outputs[expected.index(name)] = given[name].reshape(rows.shape).astype(rows.dtype)
    arrays = dict(inputs)
    arrays |= dict(zip(expected, outputs, strict=True))
    labels = given.get("labels")
    if labels is not None:
        arrays["labels"] = labels
    return TestData(arrays, expected, count, batch is not None and features_batch(program), labels)


def features_batch(program: Program) -> bool:
    """Whether flattened rows tell all sizes, so that all samples can run as one batch."""
    return len(program.symbols) <= 2


def _drawn(proto: onnx.ModelProto, program: Program, batch: str | None, rng: np.random.Generator) -> dict[str, Array]:
    limits = id_limits(proto, program)
    count = SAMPLES if batch else 4
    sizes = dict.fromkeys(program.symbols, LENGTH)
    arrays = {}
    for value in program.inputs:
        if batch:
            shape = shape_at(value, sizes | {batch: count})
            arrays[value.name] = draw(value, shape, limits.get(value.name), rng).reshape(count, -1)
        else:
            shape = shape_at(value, sizes)
            rows = [draw(value, shape, limits.get(value.name), rng).reshape(-1) for _ in range(count)]
            arrays[value.name] = np.stack(rows)
    return arrays


def _read(path: Path, program: Program, batch: str | None) -> tuple[dict[str, Array], dict[str, Array], int]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            content = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise UsageError(f"--features {path.name}: cannot be read as an .npz file ({error})") from error
    problems = []
    inputs: dict[str, Array] = {}
    counts = set()
    for value in program.inputs:
        array = content.get(value.name)
        if array is None:
            problems.append(Problem(f"lacks an array {value.name!r}", f"--features {path.name}", f"it has {sorted(content)}"))
            continue
        rows = array.reshape(array.shape[0], -1) if array.ndim else array.reshape(1, 1)
        converted = rows.astype(value.dtype.numpy)
        if not value.dtype.is_float and not np.array_equal(converted.astype(rows.dtype), rows):
            problems.append(
                Problem(f"array {value.name!r} does not hold values of type {value.dtype}", f"--features {path.name}")
            )
        row = value.shape[1 if batch else 0 :]
        if not any(isinstance(d, int) is False for d in row):
            need = int(np.prod([d for d in row if isinstance(d, int)] or [1]))
            if rows.shape[1] != need:
                problems.append(
                    Problem(
                        f"array {value.name!r} has {rows.shape[1]} values a sample, the model needs {need}",
                        f"--features {path.name}",
                    )
                )
        inputs[value.name] = converted
        counts.add(rows.shape[0])
    if len(counts) > 1:
        problems.append(Problem(f"arrays have different numbers of samples: {sorted(counts)}", f"--features {path.name}"))
    if problems:
        raise InvalidModelError(problems)
    return inputs, {k: v for k, v in content.items() if k not in inputs}, counts.pop() if counts else 0


def _reference_rows(
    reference: Reference, program: Program, inputs: dict[str, Array], count: int, batch: str | None
) -> list[Array]:
    collected: list[list[Array]] = [[] for _ in program.outputs]
    for k in range(count):
        feeds = {v.name: _shaped(v, inputs[v.name][k], program, batch) for v in program.inputs}
        for rows, output in zip(collected, reference.run(feeds), strict=True):
            rows.append(output.reshape(-1))
    widths = [{r.size for r in rows} for rows in collected]
    if any(len(w) > 1 for w in widths):
        longest = [max(w) for w in widths]
        raise ToolError(f"outputs of different lengths for samples of one length: up to {longest}")
    return [np.stack(rows) for rows in collected]


def _shaped(value: Value, row: Array, program: Program, batch: str | None) -> Array:
    """One sample's row in the input's shape (batch 1); an open size takes what the row's length leaves."""
    shape: list[int] = []
    open_axis = None
    for axis, dim in enumerate(value.shape):
        if isinstance(dim, int):
            shape.append(dim)
        elif batch and str(dim) == batch:
            shape.append(1)
        elif open_axis is None:
            open_axis = axis
            shape.append(-1)
        else:
            shape.append(LENGTH)
    return row.reshape(shape)


def _compare(name: str, given: Array, reference: Array, rtol: float, atol: float) -> None:
    a, b = given.astype(np.float64), reference.astype(np.float64)
    scale = float(np.abs(b[np.isfinite(b)]).max(initial=0.0))
    excess = np.abs(a - b) - (rtol * np.abs(b) + atol * scale)
    if np.nanmax(excess, initial=-1.0) > 0:
        worst = np.unravel_index(int(np.nanargmax(excess)), excess.shape)
        raise MismatchError(
            Problem(
                f"{name!r} in the features file is not what the model computes: sample {worst[0]}, value {worst[1]} "
                f"is {a[worst]:.6g}, onnxruntime computes {b[worst]:.6g}",
                hint="are the features preprocessed as the model wants them, and the predictions those of this model?",
            )
        )
