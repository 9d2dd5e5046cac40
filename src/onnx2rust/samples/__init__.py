"""The data that a generated crate is tested with: the user's samples or seeded draws, and what the reference makes of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from onnx2rust.base.errors import InvalidModelError, Problem, Refuse, ToolError, UsageError
from onnx2rust.base.naming import Names
from onnx2rust.base.sequences import flat, gathered, is_sequence, pairs, sequence, tensors
from onnx2rust.files import npz
from onnx2rust.ir.dims import evaluate, symbols
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Program, Value
from onnx2rust.ir.types import MapType, SequenceType, TensorType, UnrankedType
from onnx2rust.model.weights import NONE, Weights
from onnx2rust.oracle import Answer, Certainty, Oracle
from onnx2rust.oracle.compare import compare
from onnx2rust.samples import usage

Array = np.ndarray[Any, Any]
SAMPLES = 8
UNBATCHED_SAMPLES = 4
NOT_PROVEN = "not proven: no inputs were found that the model runs on, so the crate has no test of its numbers"
GIVE_SAMPLES = "give inputs with --features FILE.npz (one array an input, one row a sample), or fix sizes with --dim"
DRAWN_ELEMENTS = 1 << 20
"""Fewer samples are drawn where they would have more elements than this in all: the file is part of the crate."""
LENGTHS = (12, 7, 16, 5, 32, 64, 24, 48, 128, 224, 256, 512, 1)
"""Sizes tried for symbols other than the batch; the first that the reference can run is taken (models need sizes that are large
enough, or divisible)."""
IMAGE_LENGTHS = (64, 48, 96, 32, 128, 224, 256, 512, *LENGTHS)
"""The same where the model reads images, which are seldom of seven pixels."""


@dataclass(frozen=True)
class TestData:
    """`testdata/features.npz`: inputs with one row a sample, expected outputs likewise under `expected` names."""

    arrays: dict[str, Array]
    expected: tuple[str, ...]
    samples: int
    batched: bool
    labels: Array | None = None
    notes: tuple[str, ...] = ()
    """What a user should know about how the outputs were computed."""
    departures: tuple[Problem, ...] = ()
    """What the user's file says that the outputs are, and the reference does not compute."""
    slack: tuple[float, ...] = ()
    """What each output may be off besides (`Certainty.slack`), if any may."""
    tolerance: tuple[float, float] = DType.F32.tolerance
    """(rtol, atol) of floating-point outputs, calibrated by what was seen."""
    apart: float | None = None
    """A power of ten (1e-6 at least) that onnxruntime was less than from the model in float64, as a
    share of an output's largest; None if that is not known."""


@dataclass(frozen=True)
class UserData:
    """A user's features file: `inputs` as one flattened row a sample (or of full shape), `expected` outputs under their
    `expected_names` with one entry a sample."""

    batch: str | None
    samples: int
    inputs: dict[str, Array]
    expected: dict[str, Array]
    labels: Array | None


def batch_symbol(program: Program) -> str | None:
    """The symbol that counts samples: the first axis of every input and output, and of no input any other."""
    if not program.symbols or not program.inputs:
        return None
    name = program.symbols[0]
    values = (*program.inputs, *program.outputs)
    if not all(v.type.room is not None and v.shape and str(v.shape[0]) == name for v in values):
        return None
    return None if any(name in symbols(d) for v in program.inputs for d in v.shape[1:]) else name


def lengths(program: Program) -> tuple[int, ...]:
    """Sizes to try for the program's symbols."""
    images = any(v.rank >= 4 and sum(not isinstance(d, int) for d in v.shape[1:]) > 1 for v in program.tensor_inputs)
    return IMAGE_LENGTHS if images else LENGTHS


class NoSampleError(Exception):
    """No inputs were found that the model runs on; the text is what onnxruntime said of the first ones."""


def draw(
    program: Program, oracle: Oracle, uses: usage.Usage, fixed: dict[str, int], lengths: Iterable[int], rng: np.random.Generator
) -> tuple[dict[str, int], dict[str, Array], Answer]:
    """Sizes, inputs and outputs at the first of `lengths` that onnxruntime can run, or else the
    referee; `fixed` sizes are as they are.

    Raises NoSampleError if there are none.
    """
    failure: ToolError | None = None
    second: tuple[dict[str, int], dict[str, Array], Answer] | None = None
    for sizes, feeds in usage.attempts(program, uses, fixed, lengths, rng):
        try:
            answer = oracle.run(feeds)
        except ToolError as error:
            failure = failure or error
        else:
            if answer.reference is not None or not oracle.has_reference:
                return sizes, feeds, answer
            second = second or (sizes, feeds, answer)
    if second is not None:
        return second
    raise NoSampleError(failure.problems[0].what if failure is not None else "there is no size to try")


def make(
    proto: onnx.ModelProto,
    program: Program,
    features: Path | None,
    seed: int = 0,
    *,
    weights: Weights = NONE,
    predictions: bool = True,
) -> TestData:
    """The data that a generated crate is tested with; without samples where none can be drawn that the model runs on. Where
    `predictions` are another model's, those in the user's file are left out."""
    oracle = Oracle(proto, program, weights)
    batch = batch_symbol(program)
    expected = expected_names(program)
    # flattened rows tell one size besides the number of samples; arrays of full shape tell all
    flattened = batch is not None and len(_open_sizes(program, batch)) < 2
    given: dict[str, Array] = {}
    labels = None
    if features is None:
        try:
            inputs = _drawn(proto, program, oracle, batch, np.random.default_rng(seed))
            count = len(next(iter(inputs.values()))) if inputs else 1
            kept, outputs = _rows(oracle, inputs, count, batch)
        except (NoSampleError, ToolError) as error:
            return TestData({}, expected, 0, batch is not None, notes=(*oracle.notes, f"{NOT_PROVEN}: {error}", GIVE_SAMPLES))
    else:
        data = read(features, program)
        given, labels, count = data.expected if predictions else {}, data.labels, data.samples
        inputs = {v.name: shaped(v, data.inputs[v.name], batch, stacked=True) for v in program.inputs}
        kept, outputs = _rows(oracle, inputs, count, batch)
    inputs = {name: rows[kept].reshape(len(kept), -1) if flattened else rows[kept] for name, rows in inputs.items()}
    departures = []
    tolerances = [c.tolerance for c in oracle.certainty]
    for position, (name, computed) in enumerate(zip(expected, outputs, strict=True)):
        own = given.get(name)
        if own is None:
            continue
        if own.size != computed.size or len(kept) != count:
            what = f"array {name!r} has shape {list(own.shape)}, the model's output {list(computed.shape)}"
            raise InvalidModelError(Problem(what, f"--features {features}"))
        outputs[position] = own.reshape(computed.shape)
        certainty = oracle.certainty[position]
        departures += _departures(name, outputs[position], computed, certainty)
        # computed by someone else in single precision: further from the crate by what it is off itself
        tolerances[position] = certainty.kind.tolerance
    arrays = inputs | dict(zip(expected, outputs, strict=True))
    if labels is not None:
        arrays["labels"] = labels
    each = [[*flat({name: rows})] for name, rows in zip(expected, outputs, strict=True)]
    slack = tuple(c.slack for c, names in zip(oracle.certainty, each, strict=True) for _ in names)
    expected = tuple(name for names in each for name in names)
    shares = [c.share for c in oracle.certainty if c.known]
    return TestData(
        arrays, expected, len(kept), batch is not None, labels, tuple(oracle.notes), tuple(departures),
        slack=slack if any(slack) else (),
        tolerance=(_upwards(max(t[0] for t in tolerances)), _upwards(max(t[1] for t in tolerances))),
        apart=max(1e-6, 10.0 ** math.ceil(math.log10(max(shares) or 1))) if any(shares) and not given else None,
    )  # fmt: skip


def _upwards(number: float) -> float:
    """The next number of one digit: the same on machines whose onnxruntime differs a little."""
    power = 10.0 ** math.floor(math.log10(number))
    return float(f"{math.ceil(round(number / power, 6)) * power:.0e}")


def expected_names(program: Program) -> tuple[str, ...]:
    """The names of expected outputs in a features file: `predictions`, or the outputs' own if there are several."""
    wanted = ("predictions",) if len(program.output_names) == 1 else program.output_names
    names = Names(v.name for v in program.inputs)
    return tuple(str(names.unique(n, f"expected_{n}")) for n in wanted)


def _open_sizes(program: Program, batch: str | None) -> set[str]:
    return {s for v in program.inputs for s in v.type.symbols} - {batch}


def _drawn(
    proto: onnx.ModelProto, program: Program, oracle: Oracle, batch: str | None, rng: np.random.Generator
) -> dict[str, Array]:
    """Drawn inputs of full shape, samples along the first axis."""
    uses = usage.of_inputs(proto, program, oracle.weights)
    if batch:
        sizes, _, _ = draw(program, oracle, uses, {batch: 1}, lengths(program), rng)
        return usage.draw_all(program, uses, sizes | {batch: _affordable(program, sizes, SAMPLES)}, rng)
    sizes, first, _ = draw(program, oracle, uses, {}, lengths(program), rng)
    draws = [
        first,
        *(usage.draw_all(program, uses, sizes, rng) for _ in range(_affordable(program, sizes, UNBATCHED_SAMPLES) - 1)),
    ]
    alike = [d for d in draws if _sizes(d) == _sizes(first)]
    return {v.name: np.stack([d[v.name] for d in alike]) for v in program.inputs}


def _sizes(feeds: dict[str, Array]) -> list[tuple[int, ...]]:
    return [tensor.shape for content in feeds.values() for tensor in tensors(content)]


def _affordable(program: Program, sizes: dict[str, int], most: int) -> int:
    """How many samples of these sizes are drawn."""
    elements = sum(evaluate(v.tensor.size, sizes) for v in program.tensor_inputs)
    return max(1, min(most, DRAWN_ELEMENTS // max(1, elements)))


def read(path: Path, program: Program) -> UserData:
    """A user's features file, each array checked against the input it is for."""
    where = f"--features {path}"
    content = npz.read(path, "--features")
    batch = batch_symbol(program)
    problems = []
    inputs: dict[str, Array] = {}
    counts = set()
    for value in program.inputs:
        try:
            rows = _given(value, content, batch)
        except Refuse as refusal:
            problems += [Problem(p.what, where, p.hint) for p in refusal.problems]
            continue
        problems += [Problem(wrong, where) for wrong in _misfits(value, rows, batch)]
        inputs[value.name] = rows
        counts.add(len(rows))
    if len(counts) > 1:
        problems.append(Problem(f"arrays have different numbers of samples: {sorted(counts)}", where))
    if counts == {0}:
        problems.append(Problem("holds no sample", where))
    count = counts.pop() if len(counts) == 1 else 1
    expected: dict[str, Array] = {}
    for name, own, output in zip(expected_names(program), program.output_names, program.outputs, strict=True):
        array = next((content[n] for n in (name, own) if n in content and n not in inputs), None)
        if array is None:
            continue
        try:
            expected[name] = _converted(array, name, output.dtype)
        except Refuse as refusal:
            problems += [Problem(p.what, where) for p in refusal.problems]
        if not problems and array.shape[:1] != (count,):
            what = f"array {name!r} has shape {list(array.shape)}, not one entry for each of {count} samples"
            problems.append(Problem(what, where))
    labels = content.get("labels") if "labels" not in {*inputs, *expected} else None
    if labels is not None and labels.dtype.kind not in "biuf":
        problems.append(Problem(f"array 'labels' holds {labels.dtype}, not 0 or 1 for each sample", where))
    if problems:
        raise InvalidModelError(problems)
    return UserData(batch, count, inputs, expected, labels)


def _given(value: Value, content: dict[str, Array], batch: str | None) -> Array:
    """The samples of an input, one along the first axis each. Raises Refuse."""
    if isinstance(value.type, MapType):
        return _maps(value, value.type, content)
    if isinstance(value.type, SequenceType):
        return _sequences(value, content)
    array = _found(content, value.name)
    if isinstance(value.type, UnrankedType):
        return _converted(array if array.ndim else array.reshape(1), value.name, value.dtype)
    rows = array.reshape(1, 1) if array.ndim == 0 else array.reshape(len(array), int(np.prod(array.shape[1:])))
    full = array.ndim == value.rank + (0 if batch else 1)
    return _converted(array if full else rows, value.name, value.dtype)


def _found(content: dict[str, Array], name: str) -> Array:
    if name not in content:
        raise Refuse(f"lacks an array {name!r}", f"it has {sorted(content)}")
    return content[name]


def _misfits(value: Value, rows: Array, batch: str | None) -> Iterator[str]:
    """What is said of rows that are too long or too short for an input."""
    if not isinstance(value.type, TensorType):
        return
    row = value.shape[1 if batch else 0 :]
    numbers = [d for d in row if isinstance(d, int)]
    need, width = math.prod(numbers), math.prod(rows.shape[1:])
    if len(numbers) == len(row) and width != need:
        yield f"array {value.name!r} has {width} values a sample, the model needs {need}"
    elif len(numbers) < len(row) and (width % need if need else width):
        yield f"array {value.name!r} has {width} values a sample, the model needs a multiple of {need}"


def _sequences(value: Value, content: dict[str, Array]) -> Array:
    """A sequence a sample, whose items the arrays `name/0`, `name/1`, … hold."""
    items = tensors(gathered(content, value.name))
    if not items:
        raise Refuse(f"lacks the arrays {value.name}/0, {value.name}/1, … of a sequence", f"it has {sorted(content)}")
    table = np.empty((len(items[0]) if items[0].ndim else 1, len(items)), object)
    for k, item in enumerate(items):
        converted = _converted(item, f"{value.name}/{k}", value.dtype)
        if item.ndim == 0 or len(item) != len(table):
            raise Refuse(f"array '{value.name}/{k}' has another number of samples than '{value.name}/0'")
        for row, tensor in enumerate(converted):
            table[row, k] = np.asarray(tensor)
    return table


def _maps(value: Value, type_: MapType, content: dict[str, Array]) -> Array:
    """A map a sample, whose pairs the arrays `name/keys` and `name/values` hold."""
    names = ((f"{value.name}/keys", type_.keys), (f"{value.name}/values", type_.dtype))
    keys, values = (_converted(_found(content, name), name, dtype) for name, dtype in names)
    if keys.ndim != 2 or keys.shape != values.shape:
        shapes = f"{list(keys.shape)} and {list(values.shape)}"
        raise Refuse(f"arrays '{value.name}/keys' and '{value.name}/values' have shapes {shapes}, not one of [samples, pairs]")
    return pairs(keys, values)


def _converted(array: Array, name: str, dtype: DType) -> Array:
    """The array of that name in the model's element type. Raises Refuse."""
    if (array.dtype.kind == "U") != (dtype is DType.STRING) or array.dtype.kind not in "biufU":
        raise Refuse(f"array {name!r} holds {array.dtype}, the model needs {dtype}")
    if dtype is DType.STRING:
        return array
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and what is too large for an integer: found by the comparison below
        converted = array.astype(dtype.numpy)
    if not dtype.is_float and not np.array_equal(converted.astype(array.dtype), array):
        raise Refuse(f"array {name!r} does not hold values of type {dtype}")
    return converted


def shaped(value: Value, rows: Array, batch: str | None, *, stacked: bool = False) -> Array:
    """Rows of samples in the input's shape: along the batch axis, or (`stacked`, or one row) along an axis in front.

    An open size takes what the row's length leaves; rows of full shape tell theirs.
    """
    if not isinstance(value.type, TensorType):
        return rows if stacked else rows[0]
    full = value.rank + (0 if batch else 1)
    if rows.ndim != full:
        inner = [d if isinstance(d, int) else -1 for d in (value.shape[1:] if batch else value.shape)]
        if inner.count(-1) > 1:
            raise UsageError(
                f"array {value.name!r} leaves {inner.count(-1)} sizes open", f"give it in the model's shape, {value.type}"
            )
        rows = rows.reshape([len(rows), *inner])
    return rows if batch or stacked else rows[0]


def _rows(oracle: Oracle, inputs: dict[str, Array], count: int, batch: str | None) -> tuple[list[int], list[Array]]:
    """What is computed for each sample alone: the samples that are kept, and their outputs as flattened rows.

    Left out are samples that cannot be run where others can, those whose outputs are not as long as the first one's (an array has
    one width), and those where single precision and float64 find other whole numbers (the place of a maximum that is nearly two).
    """
    answers: list[tuple[int, Answer]] = []
    failure: ToolError | None = None
    for k in range(count):
        feeds = {name: rows[k : k + 1] if batch else rows[k] for name, rows in inputs.items()}
        try:
            answers.append((k, oracle.run(feeds)))
        except ToolError as error:
            failure = failure or error
    if not answers:
        assert failure is not None
        raise failure
    chosen = [(k, a) for k, a in answers if oracle.agreed(a)] or answers
    # whether the referee is believed is known only now
    rows = [(k, [_row(o) for o in oracle.expected(a)]) for k, a in chosen]
    widths = _widths(rows[0][1])
    rows = [(k, outputs) for k, outputs in rows if _widths(outputs) == widths]
    return [k for k, _ in rows], [np.stack(column) for column in zip(*(outputs for _, outputs in rows), strict=True)]


def _row(content: Array) -> Array:
    """A tensor's elements, or those of each item of a sequence."""
    return sequence(item.reshape(-1) for item in content) if is_sequence(content) else content.reshape(-1)


def _widths(rows: list[Array]) -> list[list[int]]:
    return [[item.size for item in tensors(row)] for row in rows]


def _departures(name: str, given: Array, computed: Array, certainty: Certainty) -> list[Problem]:
    """What is said about an array of the user's that is not what the model computes."""
    found = compare(given, computed, *certainty.kind.tolerance, certainty.slack)
    if found.passed or found.worst is None:
        return []
    sample, value = found.worst.index
    what = (
        f"{name!r} in the features file is not what the model computes: sample {sample}, value {value} "
        f"is {found.worst.actual:.6g}, the reference computes {found.worst.expected:.6g}"
    )
    hint = "are the features preprocessed as the model wants them, and the predictions those of this model?"
    return [Problem(what, hint=hint)]
