"""The host `embedded`: what a Cortex-M4 computes, in an emulator, are the numbers of onnxruntime, and nothing is allocated."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import host_tools
import hostile
import numpy as np
import onnx
import onnx_models
import pytest
import rust_tools
from onnx import TensorProto, helper

import onnx2rust
from onnx2rust.base.errors import UnsupportedError, UsageError
from onnx2rust.base.options import Options
from onnx2rust.hosts import embedded
from onnx2rust.model.reference import Reference

BUILD = rust_tools.BUILD / "hosts_embedded"
QEMU = ["qemu-system-arm", "-cpu", "cortex-m4", "-machine", "mps2-an386", "-nographic"]
QEMU += ["-semihosting-config", "enable=on,target=native", "-kernel"]


def run(elf: Path) -> str:
    """What a program prints on the board."""
    done = subprocess.run([*QEMU, str(elf)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def printed(text: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The elements of the one output."""
    found = re.search(r"^\w+ \[.*?\] \[(.*)\]$", text, re.M)
    assert found, text
    return np.array([float(x) for x in found[1].split(",")])


def fixed(model: Path) -> Options:
    """Every open size is 1."""
    names = (d.dim_param for value in onnx.load(model).graph.input for d in value.type.tensor_type.shape.dim)
    return Options(dims={name: 1 for name in names if name})


def drawn(shell: Path, proto: onnx.ModelProto) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """Inputs, also in the shell's files."""
    rng, found = np.random.default_rng(1), {}
    for value in proto.graph.input:
        shape = [d.dim_value or 1 for d in value.type.tensor_type.shape.dim]
        found[value.name] = rng.standard_normal(shape).astype(np.float32)
        (shell / "inputs" / f"{value.name.lower()}.bin").write_bytes(found[value.name].tobytes())
    return found


def held(models: list[Path], folder: str, allowed: float) -> list[str]:
    """Builds the firmware of each model and holds its output on drawn inputs against onnxruntime's; returns what each printed."""
    out = BUILD / folder
    shutil.rmtree(out, ignore_errors=True)
    projects = onnx2rust.convert_workspace(models, out, [fixed(model) for model in models], hosts=["embedded"])
    texts = []
    for model, project in zip(models, projects, strict=True):
        (shell,) = project.shells
        place, proto = out / shell.package, onnx.load(model)
        inputs = drawn(place, proto)
        command = ["cargo", "build", "--release", "--quiet"]
        done = subprocess.run(command, cwd=place, env=rust_tools.environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-5000:]
        texts.append(run(rust_tools.TARGET / embedded.TARGET / "release" / shell.package))
        (expected,) = Reference(proto).run(inputs)
        difference = np.abs(printed(texts[-1]) - expected.ravel()).max()
        assert difference <= allowed * np.abs(expected).max()
        (note,) = (n for n in project.notes if n.startswith("RAM: "))
        workspace = re.search(r"workspace (\d+) bytes", texts[-1])
        assert workspace is not None
        assert int(workspace[1]) >= int(note.split()[1]), "the program has the values, and what layers work in"
    return texts


@pytest.mark.slow
@pytest.mark.hosts
@host_tools.need("qemu-system-arm")
def test_a_microcontroller_computes_what_onnxruntime_does(tmp_path: Path) -> None:
    """A convolutional model, in float32 and in 8 bits, on a board without an operating system."""
    sys.path.insert(0, str(rust_tools.ROOT / "benchmarks"))
    import quantised

    floats, bytes_ = tmp_path / "digits.onnx", tmp_path / "digits_int8.onnx"
    onnx.save(onnx_models.digits(), floats)
    quantised.quantise(floats, bytes_)
    held([floats, bytes_], "digits", 1e-5)


@pytest.mark.slow
@pytest.mark.hosts
@host_tools.need("qemu-system-arm", "arm-none-eabi-size")
def test_what_it_takes_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flash, RAM and stack, as the benchmark measures them: what code that no model calls would add is more than is left here."""
    sys.path.insert(0, str(rust_tools.ROOT / "benchmarks"))
    import embedded as benchmark

    monkeypatch.setattr(benchmark, "BUILD", BUILD / "measured")
    (BUILD / "measured").mkdir(parents=True, exist_ok=True)
    model = onnx_models.digits()
    onnx.save(model, tmp_path / "digits.onnx")
    image = np.random.default_rng(1).standard_normal((1, 1, 8, 8)).astype(np.float32)
    (expected,) = Reference(model).run({"image": image})
    cost = benchmark.ours(tmp_path / "digits.onnx", image.tobytes(), expected)
    assert cost.flash < 30_000
    assert cost.ram < 6_000
    assert 0 < cost.stack < 4_000
    assert 200_000 < cost.instructions < 1_000_000


@pytest.mark.slow
@pytest.mark.hosts
@host_tools.need("qemu-system-arm")
@pytest.mark.parametrize(("suffix", "allowed"), [("", 1e-5), ("_int8", 1e-5)])
def test_keyword_spotting_and_anomaly_detection(suffix: str, allowed: float) -> None:
    """Two models that are made for microcontrollers, in float32 and in 8 bits."""
    pytest.importorskip("tensorflow", reason="the TensorFlow extra is not installed")
    sys.path.insert(0, str(rust_tools.ROOT / "benchmarks"))
    import models
    import quantised

    names = [f"{name}{suffix}" for name in ("dscnn_kws", "ad_autoencoder")]
    files = (quantised if suffix else models).onnx_files(names)
    copies = []
    for name in names:
        copies.append(BUILD / f"{name}.onnx")
        BUILD.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(files[name], copies[-1])
    held(copies, f"benchmarks{suffix}", allowed)


def test_open_sizes_are_refused(tmp_path: Path) -> None:
    """With what fixes them, before anything is written."""
    onnx.save(onnx_models.digits(), tmp_path / "digits.onnx")
    with pytest.raises(UsageError) as caught:
        onnx2rust.host("embedded", tmp_path / "digits.onnx", tmp_path / "out")
    (problem,) = caught.value.problems
    assert problem.what == "--static: the model leaves sizes open (batch)"
    assert problem.hint == "fix them: --dim batch=1"
    assert not (tmp_path / "out").exists()


def test_what_only_data_decide_is_refused(tmp_path: Path) -> None:
    """Every layer whose output has no fixed size."""
    nodes = [
        helper.make_node("NonZero", ["x"], ["places"], name="find"),
        helper.make_node("TopK", ["x", "k"], ["y", "i"], name="best"),
    ]
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [8]),
        helper.make_tensor_value_info("k", TensorProto.INT64, [1]),
    ]
    outputs = [
        helper.make_tensor_value_info("places", TensorProto.INT64, [1, None]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [None]),
    ]
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "odd.onnx")
    with pytest.raises(UnsupportedError) as caught:
        onnx2rust.convert(tmp_path / "odd.onnx", tmp_path / "out", Options(static=True))
    assert [problem.what for problem in caught.value.problems] == [
        "--static: NonZero: its sizes depend on the data",
        "--static: TopK: its sizes depend on the data",
    ]


def test_weights_in_another_form_are_refused(tmp_path: Path) -> None:
    """They would be unpacked into memory, or read from a file."""
    onnx.save(onnx_models.digits(), tmp_path / "digits.onnx")
    for form in ("f16", "external"):
        with pytest.raises(UsageError) as caught:
            onnx2rust.convert(tmp_path / "digits.onnx", tmp_path / "out", Options(static=True, dims={"batch": 1}, weights=form))
        (problem,) = caught.value.problems
        assert problem.what == f"--static: weights are read where the program lies, and not with --weights {form}"
        assert not (tmp_path / "out").exists()


def test_a_convolution_that_pays_for_tiles_elsewhere_does_without(tmp_path: Path) -> None:
    """3 × 3 over many channels is Winograd's, but not in fixed memory."""
    kernel = np.ones((64, 64, 3, 3), np.float32)
    node = helper.make_node("Conv", ["x", "kernel"], ["y"], pads=[1, 1, 1, 1])
    proto = onnx_models.model("wide", [node], {"x": (1, 64, 32, 32)}, {"y": (1, 64, 32, 32)}, {"kernel": kernel})
    onnx.save(proto, tmp_path / "wide.onnx")
    for static in (False, True):
        out = tmp_path / f"out_{static}"
        onnx2rust.convert(tmp_path / "wide.onnx", out, Options(static=static))
        layers = (out / "rust_generated_code" / "src" / "layers.rs").read_text(encoding="utf-8")
        assert ("WinogradConv2d" in layers) is not static


@pytest.mark.slow
@pytest.mark.hosts
@pytest.mark.parametrize("text", ["double quote", "format arguments", "keyword fn"])
def test_names_of_a_model_leave_no_string(text: str, tmp_path: Path) -> None:
    """The firmware of a model with hostile names is a program, and has nothing in it that a name says."""
    onnx.save(hostile.model(hostile.TEXTS[text]), tmp_path / "model.onnx")
    out = BUILD / "hostile"
    shutil.rmtree(out, ignore_errors=True)
    made = onnx2rust.host("embedded", tmp_path / "model.onnx", out, fixed(tmp_path / "model.onnx"))
    command = ["cargo", "check", "--quiet", "--release"]
    done = subprocess.run(
        command, cwd=made.shell, env=rust_tools.environment(RUSTFLAGS="-D warnings"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-5000:]
    code = "".join(p.read_text(encoding="utf-8") for p in made.shell.rglob("*.rs"))
    assert hostile.CODE not in "".join(line for line in code.splitlines() if not line.lstrip().startswith("//"))
