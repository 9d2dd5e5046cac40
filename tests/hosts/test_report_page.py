"""The report's page in headless Chromium: it shows what it says, asks for nothing, and runs nothing of a model's names."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import hostile
import numpy as np
import onnx
import onnx_models
import pytest
import rust_tools
from host_tools import NPM, need, need_npm
from onnx import helper

import onnx2rust
from onnx2rust.base.options import Checks, Options, Timing

BUILD = rust_tools.BUILD / "hosts_report"
SCRIPT = Path(__file__).parent / "report_page.mjs"
FOREIGN = {"a", "iframe", "img", "object", "form", "video", "audio", "embed"}
"""Elements that a page never has."""
PAINTING_MS = 250.0
"""What painting a page may take on a loaded machine without a graphics card: it takes some 15."""


def opened(proto: onnx.ModelProto, name: str, words: str, **measured: Any) -> Any:
    BUILD.mkdir(parents=True, exist_ok=True)
    source, out = BUILD / f"{name}.onnx", BUILD / f"{name}.html"
    source.write_bytes(proto.SerializeToString())
    onnx2rust.write_report(source, out, Options(force=True), **measured)
    chromium = shutil.which("chromium")
    command = ["node", SCRIPT, NPM / "playwright-core" / "index.js", chromium, out, words, BUILD / f"{name}.png"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["errors"] == []
    # the file, and an icon that is empty
    assert set(found["requests"]) <= {"file:", "data:"}
    assert found["requests"].count("file:") == 1
    assert found["forbidden"] == "script-src-elem"
    assert found["escaped"]
    assert found["closed"] is None
    assert not FOREIGN & set(found["elements"])
    return found


def large(count: int) -> onnx.ModelProto:
    """Products, activations and additions that reach back."""
    rng, nodes, weights, names = np.random.default_rng(5), [], {}, ["x"]
    for k in range(count):
        op = "MatMul" if k % 7 == 3 else "Add" if k % 5 == 0 and k > 10 else ("Sin", "Cos", "Tanh", "Sin")[k % 4]
        inputs = [names[-1]]
        if op == "MatMul":
            weights[f"w{k}"] = rng.standard_normal((16, 16)).astype(np.float32) / 4
            inputs.append(f"w{k}")
        elif op == "Add":
            inputs.append(names[-int(rng.integers(3, 10))])
        nodes.append(helper.make_node(op, inputs, [f"t{k}"], f"block_{k // 50}/{op}_{k}"))
        names.append(f"t{k}")
    return onnx_models.model("large", nodes, {"x": ("batch", 16)}, {names[-1]: ("batch", 16)}, weights)


@pytest.mark.slow
@pytest.mark.hosts
@need("node", "chromium")
@need_npm("playwright-core")
def test_a_page_with_all_that_is_measured() -> None:
    target = rust_tools.BUILD / "hosts_report_crates"
    checks = Checks(target_dir=rust_tools.VERIFY)
    timing = Timing(batches=(1,), seconds=0.2, target_dir=target)
    found = opened(onnx_models.digits(), "digits", "Gemm", checks=checks, timing=timing)
    assert found["boxes"] == 11
    assert found["clicked"] == ["conv1", "conv1"]
    assert "l.conv1.run(" in found["code"][0]
    assert "Activation::Relu" in found["code"][1]
    assert found["distances"]
    assert (found["matches"], found["searched"]) == (1, "logits")
    assert found["walked"] == 1
    assert found["said"].startswith("conv1_view, Reshape")
    assert found["theme"] == "dark"
    # ten layers, seven values, six tensors; two and three rows of tensors, outputs and engines with their heads
    assert found["views"] == {"layers": 11, "memory": 7, "weights": 6, "model": 10, "graph": 1}


@pytest.mark.slow
@pytest.mark.hosts
@need("node", "chromium")
@need_npm("playwright-core")
def test_a_thousand_layers_move_at_once() -> None:
    found = opened(large(1200), "large", "block_7/Sin")
    assert found["boxes"] > 1000
    assert found["matches"] > 5
    assert found["painting"]["frames"] > 5
    assert found["painting"]["worst"] < PAINTING_MS


@pytest.mark.slow
@pytest.mark.hosts
@need("node", "chromium")
@need_npm("playwright-core")
@pytest.mark.parametrize(
    "text",
    ["HTML and links", "template", "line separator", "double quote and brackets", "bidirectional controls", "long", "</script>"],
)
def test_hostile_names_stay_text(text: str) -> None:
    names = hostile.TEXTS | {"</script>": "</script><script>window.escaped = 1</script><img src=x onerror=alert(1)>"}
    found = opened(hostile.model(names[text]), "hostile", "dense")
    assert found["boxes"] > 4
