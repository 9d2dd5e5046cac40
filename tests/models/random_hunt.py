"""Verifying random graphs, and making a failing one small."""

from __future__ import annotations

import argparse
import collections
import itertools
import multiprocessing
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import onnx
import random_graphs
import random_kinds
from onnx import helper
from random_draft import Array, Unfit
from random_graphs import Model

from onnx2rust import emit, frontends, samples
from onnx2rust.base.errors import Onnx2RustError, UnsupportedError
from onnx2rust.base.options import Checks, Options
from onnx2rust.conversion import inspection, pipeline
from onnx2rust.emit import cutting
from onnx2rust.files import npz
from onnx2rust.model.reference import Reference
from onnx2rust.plan import planner
from onnx2rust.report import files as report_files
from onnx2rust.verification import verify, workspace

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import rust_tools

KEPT = rust_tools.BUILD / "random"
TARGET = rust_tools.VERIFY
"""As in all tests: tf-layers is compiled once."""


@dataclass
class Outcome:
    """What became of a model: nothing, why it is refused, or what is wrong."""

    model: Model
    refused: str = ""
    wrong: str = ""


def run(models: list[Model], folder: Path, refusals: tuple[type[Onnx2RustError], ...] = (UnsupportedError,)) -> list[Outcome]:
    """Converts every model twice, writes its reports, and holds its crate against onnxruntime at batch 1 and 3. Errors other than
    `refusals` are wrong."""
    outcomes = [Outcome(m) for m in models]
    paths, options, built = [], [], []
    for position, outcome in enumerate(outcomes):
        path = folder / f"seed{outcome.model.seed}at{position}.onnx"
        path.write_bytes(outcome.model.proto.SerializeToString())
        try:
            features = _convert(outcome.model, path)
        except refusals as error:
            outcome.refused = str(error)
        except Onnx2RustError as error:
            outcome.wrong = f"{error.title}: {error}"
        except Exception as error:  # any crash is this model's failure
            outcome.wrong = f"crash: {''.join(traceback.format_exception(error)[-3:])}"
        else:
            paths.append(path)
            seed = outcome.model.seed
            options.append(Options(features=features, binary_classification=False, inplace=seed % 7 != 0, memdrop=seed % 5 != 0))
            built.append(outcome)
    if paths:
        # a crate that builds with warnings is not what anyone should get
        with mock.patch.object(workspace, "LINTS", '[lints.rust]\nwarnings = "deny"\n'):
            report = verify(paths, options, Checks(batches=(1, 3), target_dir=TARGET))
        for outcome, found in zip(built, report.models, strict=True):
            if not found.passed:
                outcome.wrong = found.text()
    return outcomes


def _convert(model: Model, path: Path) -> Path | None:
    """Everything that is done to a model but building it; the file with its inputs, None if it has none."""
    options = Options(name="Model", binary_classification=False)
    loaded = frontends.load(path, options)
    programs = [pipeline.lower(loaded, options) for _ in range(2)]
    context = emit.Context("model.onnx", loaded.kind)
    crates = [emit.render(planner.plan(p, options), options, context) for p in programs]
    assert crates[0].files == crates[1].files, "two conversions differ"
    weights = [npz.encode(c.weights) for c in crates]
    assert weights[0] == weights[1], "the weights of two conversions differ"
    inspection.inspect(path, options, passes=True).text()
    if model.seed % 10 == 0:
        report_files(loaded, programs[0], weights[0], "Model", "model.onnx")
    return _features(model, programs[0], path)


def _features(model: Model, program: Any, path: Path) -> Path | None:
    if not program.inputs:
        return None
    if samples.batch_symbol(program) is None:
        feeds = {n: a[None] for n, a in model.feeds[model.seed % 2].items()}
    else:
        feeds = model.feeds[-1]
        if not len(feeds[program.inputs[0].name]):
            return None  # what counts samples is empty: the draws of `verify` are not
    target = path.with_suffix(".npz")
    target.write_bytes(_npz({v.name: feeds[v.name] for v in program.inputs}))
    return target


def _npz(arrays: dict[str, Array]) -> bytes:
    """A file of inputs; strings have their own type there."""
    return npz.encode({n: a.astype(str) if a.dtype == object else a for n, a in arrays.items()})


# -- making it small -------------------------------------------------------------------------------------------------


def shrink(model: Model, rounds: int = 12) -> Model:
    """The smallest model that still fails in the same way, found by cutting: a value becomes an input, or an output goes."""
    with tempfile.TemporaryDirectory() as name:
        (first,) = run([model], Path(name))
        signature = _signature(first.wrong)
        for _ in range(rounds):
            smaller = sorted(_cuts(model), key=lambda m: len(m.proto.graph.node))[:40]
            failing = [o.model for o in run(smaller, Path(name)) if o.wrong and _signature(o.wrong) == signature]
            if not failing:
                break
            model = failing[0]
    return model


def _signature(wrong: str) -> str:
    for word in (
        "AssertionError",
        "does not compile",
        "crashed",
        "crash:",
        "has shape",
        "NaN or infinite",
        "fails where",
        "bug",
        "two conversions",
        "invalid",
    ):
        if word in wrong:
            return word
    return "numbers"


def _cuts(model: Model) -> list[Model]:
    graph = model.proto.graph
    produced = [o for n in graph.node for o in n.output if o]
    whole = onnx.ModelProto()
    whole.CopyFrom(model.proto)
    known = {o.name for o in whole.graph.output}
    whole.graph.output.extend(onnx.ValueInfoProto(name=o) for o in produced if o not in known)
    names = [o.name for o in whole.graph.output]
    try:
        values = [dict(zip(names, Reference(whole).run(f), strict=True)) for f in model.feeds]
    except Onnx2RustError:
        return []
    found = []
    for output in graph.output:
        found.append(_pruned(model, [output.name], {}, values))
        if len(graph.output) > 1:
            found.append(_pruned(model, [o.name for o in graph.output if o.name != output.name], {}, values))
    for node in graph.node:
        results = [o for o in node.output if o]
        if node.input:
            found.append(_pruned(model, [o.name for o in graph.output], dict.fromkeys(results), values))
        for result in results:  # what comes behind goes
            if result not in known:
                found.append(_pruned(model, [result], {}, values))
    return [
        m
        for m in found
        if (m is not None and m.proto.graph.node and len(m.proto.graph.node) < len(graph.node))
        or (m and len(m.proto.graph.output) < len(graph.output))
    ]


def _pruned(model: Model, outputs: list[str], cut: dict[str, None], values: list[dict[str, Any]]) -> Model | None:
    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    graph = proto.graph
    del graph.value_info[:]
    wanted = set(outputs)
    kept = []
    for node in reversed(graph.node):
        if any(o in wanted and o not in cut for o in node.output):
            kept.append(node)
            wanted |= random_graphs.names_read(node)
    nodes = [onnx.NodeProto.FromString(n.SerializeToString()) for n in reversed(kept)]
    feeds = [dict(f) for f in model.feeds]
    inputs = [i for i in graph.input if i.name in wanted]
    for name in cut:
        if name not in wanted or any(i.name == name for i in inputs):
            continue
        arrays = [v[name] for v in values]
        dims: list[Any] = []
        for _axis, sizes in enumerate(zip(*(a.shape for a in arrays), strict=True)):
            dims.append(
                model.batch if sizes == (1, 3) else sizes[0] if len(set(sizes)) == 1 else f"open_{sizes}".replace(" ", "")
            )
        inputs.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(arrays[0].dtype), dims))
        for feed, array in zip(feeds, arrays, strict=True):
            feed[name] = array
    infos = []
    for name in outputs:
        arrays = [v.get(name) for v in values]
        if name in cut or arrays[0] is None:
            continue
        infos.append(
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(np.asarray(arrays[0]).dtype), [None] * np.ndim(arrays[0])
            )
        )
    if not infos or not nodes:
        return None
    known = [t for t in graph.initializer if t.name in wanted]
    made = helper.make_graph(nodes, graph.name, inputs, infos, known)
    feeds = [{i.name: f[i.name] for i in inputs} for f in feeds]
    whole = helper.make_model(made, opset_imports=list(proto.opset_import), ir_version=proto.ir_version)
    try:
        for feed in feeds:
            Reference(whole).run(feed)
    except Onnx2RustError:
        return None
    return Model(model.seed, whole, feeds, model.batch, model.kinds)


# -- the command line ------------------------------------------------------------------------------------------------


def drawn(seeds: Iterable[int]) -> list[Model]:
    """The models of the seeds, but for those that cannot be drawn."""
    with rust_tools.forking():
        return [m for m in map(_draw_apart, seeds) if m is not None]


def _seeds(first: int, kind: str | None) -> Iterator[int]:
    """Seeds from the first one on, or those whose graph begins with a kind."""
    for seed in itertools.count(first):
        if kind is None or kind in {e.function.__name__ for e in random_kinds.pair(seed)}:
            yield seed


def _draw_apart(seed: int) -> Model | None:
    """The model of a seed, drawn by a process of its own: onnxruntime does not survive every graph. None if it did not, or if
    nothing fits."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        try:
            return pool.submit(random_graphs.generate, seed).result()
        except BrokenProcessPool:
            print(f"seed {seed}: onnxruntime ends the process")
        except Unfit as error:
            print(f"seed {seed}: {error}")
    return None


def main() -> None:
    """Verifies the models of COUNT seeds, and keeps those that fail."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("first", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--shrink", action="store_true", help="make what fails small")
    parser.add_argument("--kind", help="only seeds whose graph begins with this kind (a function of random_*.py)")
    parser.add_argument("--block", type=int, help="cut programs into methods of about so many steps")
    arguments = parser.parse_args()
    cutting.BLOCK = arguments.block or cutting.BLOCK
    cutting.FEW = min(cutting.FEW, cutting.BLOCK // 2)
    kept = KEPT / "found"
    kept.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    kinds = {e.function.__name__ for e in random_kinds.all_kinds()}
    if arguments.kind and arguments.kind not in kinds:
        parser.error(f"there is no kind {arguments.kind!r}, but {', '.join(sorted(kinds))}")
    seeds = itertools.islice(_seeds(arguments.first, arguments.kind), arguments.count)
    models = drawn(seeds)
    ready = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        outcomes = run(models, Path(name))
    refusals = collections.Counter(o.refused.splitlines()[0][:160] for o in outcomes if o.refused)
    wrong = [o for o in outcomes if o.wrong]
    for outcome in wrong:
        model = shrink(outcome.model) if arguments.shrink else outcome.model
        path = kept / f"{model.seed}.onnx"
        path.write_bytes(model.proto.SerializeToString())
        path.with_suffix(".npz").write_bytes(_npz({f"{k}/{n}": a for k, f in enumerate(model.feeds) for n, a in f.items()}))
        print(f"== seed {model.seed} ({path}): {outcome.wrong[:1500]}")
        if arguments.shrink:
            print(onnx.printer.to_text(model.proto)[:1500])
    for reason, times in refusals.most_common():
        print(f"refused {times}: {reason}")
    nodes = sum(len(m.proto.graph.node) for m in models)
    seconds = f"drawn in {ready - began:.0f} s, verified in {time.monotonic() - ready:.0f} s"
    print(f"{len(outcomes)} models, {nodes} nodes, {sum(refusals.values())} refused, {len(wrong)} wrong; {seconds}")
