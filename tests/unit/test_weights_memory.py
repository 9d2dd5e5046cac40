"""Weights are copied twice on their way into a crate: from the file's bytes into its protobuf, and from there into an array; the
reference holds a further copy. No more than two of them are there at once."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from onnx2rust import emit, frontends, report
from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.files import folders, npz
from onnx2rust.model.reference import Reference
from onnx2rust.plan import planner

WIDTH = 4096
BYTES = 2 * WIDTH * WIDTH * 4
ROOM = BYTES // 8
"""Of all else: text, and what Python keeps of what it imports."""
ELSE = 40 << 20
"""What a child has besides: libraries that are loaded on the way, and their pools."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two products whose weights are nearly all of the file."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((WIDTH, WIDTH)).astype(np.float32) for _ in range(2)]
    weights = [numpy_helper.from_array(a, f"w{k}") for k, a in enumerate(arrays)]
    nodes = [helper.make_node("MatMul", ["x", "w0"], ["h"]), helper.make_node("MatMul", ["h", "w1"], ["y"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", WIDTH]) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "wide", ends[:1], ends[1:], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "wide.onnx")
    return tmp_path / "wide.onnx"


def test_no_weight_is_copied_after_it_has_been_read(source: Path, tmp_path: Path) -> None:
    options = Options(name="Wide")
    tracemalloc.start()
    try:
        loaded = frontends.load(source, options)
        held, most = tracemalloc.get_traced_memory()
        # the file's bytes go before the last array has come
        assert held < BYTES + ROOM
        assert most < 2 * BYTES + ROOM
        tracemalloc.reset_peak()
        program = pipeline.lower(loaded, options)
        rendered = emit.render(planner.plan(program, options), options, emit.Context("wide.onnx"))
        crate = pipeline.crate_files(rendered)
        people = report.files(loaded, program, crate[pipeline.WEIGHTS], rendered.model, "wide.onnx", drawn=False)
        folders.write(tmp_path / "out", {f"{folders.MARKER}/{n}": c for n, c in crate.items()} | people)
        assert tracemalloc.get_traced_memory()[1] - held < ROOM
    finally:
        tracemalloc.stop()
    given = {t.name: numpy_helper.to_array(t) for t in onnx.load(source).graph.initializer}
    for archive in (tmp_path / "out" / folders.MARKER / pipeline.WEIGHTS, tmp_path / "out" / "model_weights.npz"):
        written = npz.read(archive, "")
        assert {a.tobytes() for a in written.values()} == {a.tobytes() for a in given.values()}
    kept = onnx.load(tmp_path / "out" / "model.onnx")
    onnx.checker.check_model(kept, full_check=True)
    assert [t.name for t in kept.graph.initializer] == list(given)
    for tensor in kept.graph.initializer:
        np.testing.assert_array_equal(numpy_helper.to_array(tensor), given[tensor.name])


CHILD = """
import sys
from pathlib import Path
import onnx2rust
from onnx2rust import oracle
from onnx2rust.base.options import Options
from onnx2rust.model import reference

# as for a model that is large
oracle.MOST_WEIGHTS = reference.MOST_WEIGHTS = 1 << 20
def peak():
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1])

before = peak()
onnx2rust.convert(sys.argv[1], sys.argv[2], Options(weights=sys.argv[3]))
print(1024 * (peak() - before))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory in other ways")
@pytest.mark.parametrize(("weights", "copies"), [("embedded", 2), ("int8", 3)])
def test_the_peak_of_a_conversion(source: Path, tmp_path: Path, weights: str, copies: int) -> None:
    """What protobuf and onnxruntime hold, too, which Python does not see."""
    command = [sys.executable, "-c", CHILD, str(source), str(tmp_path / "out"), weights]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    print(int(found.stdout) / BYTES)
    assert int(found.stdout) < copies * BYTES + ROOM + ELSE


def test_the_reference_is_lent_the_weights(source: Path) -> None:
    loaded = frontends.load(source, Options())
    x = np.random.default_rng(1).standard_normal((2, WIDTH)).astype(np.float32)
    lent = Reference(loaded.proto, loaded.weights).run({"x": x})
    np.testing.assert_array_equal(lent, Reference(onnx.load(source)).run({"x": x}))
