"""Random ONNX models: chains of the kinds of `random_kinds.py` and its neighbours, that meet in every way that operators can.

`python tests/models/random_graphs.py FIRST COUNT` hunts: it verifies the models of these seeds, and keeps those that fail.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import onnx
import random_kinds
from onnx import helper, numpy_helper
from random_draft import Array, Draft, Unfit, info, model

from onnx2rust.base.errors import ToolError
from onnx2rust.model.graph import infer_shapes
from onnx2rust.model.reference import Reference
from onnx2rust.oracle.compare import compare

OPSETS = range(7, onnx.defs.onnx_opset_version() + 1)
ATTEMPTS = 400
"""Most are needed where both kinds want inputs that are seldom drawn."""
SIZE_NAMES = ("batch", "N", "length", "height", "seq-len", "unk__12", "0", "type", "Batch", "size_0", "dim x")  # fmt: skip


@dataclass
class Model:
    """A model, and its inputs at each set of sizes."""

    seed: int
    proto: onnx.ModelProto
    feeds: list[dict[str, Array]]
    batch: str
    kinds: list[str]


def generate(seed: int) -> Model:
    """The model of a seed. Raises Unfit where what it must hold did not fit together."""
    for attempt in range(ATTEMPTS):
        rng = random.Random(f"{seed}.{attempt}")
        try:
            return _generate(rng, seed)
        except Unfit:
            continue
    raise Unfit(f"nothing fit in {ATTEMPTS} attempts")


def _generate(rng: random.Random, seed: int) -> Model:
    met = random_kinds.pair(seed)
    opset = max(rng.choice([rng.choice(OPSETS), rng.choice([11, 13, 14, 17, 18])]), *(e.since for e in met))
    batch, *others = rng.sample(SIZE_NAMES, 4)
    if "unk__12" in others or (batch == "unk__12" and "batch" in others):
        raise Unfit("sizes without a name are taken to be the batch where they come first")
    lengths = rng.sample([1, 2, 3, 4, 5, 6, 7, 9], 6)
    if rng.random() < 0.04:
        lengths[rng.randrange(6)] = 0
    first, second = (dict(zip(others, part, strict=True)) for part in (lengths[:3], lengths[3:]))
    sizes = [{batch: 2} | second, {batch: 1} | first, {batch: 3} | first]
    draft = Draft(rng, opset, sizes)
    random_kinds.inputs(draft, batch, others)
    random_kinds.meet(draft, met)
    wanted = rng.choice([rng.randint(3, 10), rng.randint(10, 25), rng.randint(20, 40)])
    random_kinds.fill(draft, wanted)
    if len(draft.nodes) < 2:
        raise Unfit("too little")
    proto = _proto(draft, rng)
    feeds = [{t.name: t.runs[k] for t, _ in draft.inputs} for k in range(len(sizes))]
    _agree(proto, draft, feeds)
    return Model(seed, proto, feeds, batch, draft.kinds)


def _proto(draft: Draft, rng: random.Random) -> onnx.ModelProto:
    produced = [t for t in draft.values if any(t.name in n.output for n in draft.nodes)]
    read = {name for node in draft.nodes for name in names_read(node)}
    ends = [t for t in produced if t.name not in read and not t.known]
    chosen = rng.sample(ends, min(len(ends), rng.choice([1, 2, 20, 20, 20, 20, 20])))
    chosen += [t for t in rng.sample(produced, min(len(produced), rng.choice([0, 0, 1, 2]))) if not t.known]
    if rng.random() < 0.06:
        chosen.append(rng.choice([t for t, _ in draft.inputs if not t.text]))
    if rng.random() < 0.05 and draft.initializers:
        chosen.append(rng.choice(draft.initializers))
    outputs = list({t.name: t for t in chosen}.values())
    rng.shuffle(outputs)
    if not outputs:
        raise Unfit("no output")
    infos = [info(t, [None if d is None or rng.random() < 0.3 else d for d in t.shape]) for t in outputs]
    known = [numpy_helper.from_array(t.runs[0], t.name) for t in draft.initializers]
    inputs = [info(t, dims) for t, dims in draft.inputs]
    graph = helper.make_graph(draft.nodes, rng.choice(["graph", "fn", "main graph", "*/"]), inputs, infos, known)
    proto = model(graph, draft.opset)
    return infer_shapes(proto) if rng.random() < 0.4 else proto


def names_read(node: onnx.NodeProto) -> set[str]:
    """Every name that the node or its bodies read."""
    found = set(node.input)
    for attribute in node.attribute:
        for graph in [attribute.g, *attribute.graphs]:
            found |= {name for inner in graph.node for name in names_read(inner)} | {o.name for o in graph.output}
    return found


def _agree(proto: onnx.ModelProto, draft: Draft, feeds: list[dict[str, Array]]) -> None:
    """onnxruntime must agree with itself: its optimiser is not what is tested here."""
    by_name = {t.name: t for t in draft.values}
    try:
        reference = Reference(proto)
        results = [reference.run(f) for f in feeds]
    except ToolError as error:
        raise Unfit(str(error)) from error
    for k, arrays in enumerate(results):
        for output, array in zip(proto.graph.output, arrays, strict=True):
            if not compare(array, by_name[output.name].runs[k], 1e-2 if array.dtype == np.float16 else 3e-5).passed:
                raise Unfit("onnxruntime optimises it to something else")


if __name__ == "__main__":
    import random_hunt

    random_hunt.main()
