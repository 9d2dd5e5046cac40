"""The host `python`: a wheel in an environment of its own gives onnxruntime's numbers, and Python's own kinds of errors."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
import venv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import hostile
import numpy as np
import onnx
import onnx_models
import pytest
import rust_tools
from onnx import TensorProto, helper

import onnx2rust
from onnx2rust.base.errors import ToolError, UnsupportedError
from onnx2rust.base.options import Options
from onnx2rust.hosts import python
from onnx2rust.model.reference import Reference

BUILD = rust_tools.BUILD / "hosts_python"
NAMES = [
    *hostile.LOCALS, "array", "strings", "halves", "refused", "failed", "given", "found", "py", "self", "cls", "table", "np",
    "count", "index", "__init__", "class", "None", "signature",
]  # fmt: skip
DIGITS = """
    import json, pickle, sys, threading
    import numpy as np
    import digits

    image = np.load(sys.argv[1])
    model = digits.Model()
    found = model.predict(image=image)
    print(json.dumps(found.probabilities.tolist()))

    def said(call):
        try:
            call()
            print("fine")
        except Exception as error:
            print(f"{type(error).__name__}: {error}")

    said(lambda: model.predict(image=image.astype(np.float64)))
    said(lambda: model.predict(image=image.tolist()))
    said(lambda: model.predict(image=image[:, :, :7]))
    said(lambda: model.predict(image))
    said(lambda: digits.Model.from_npz("none.npz"))
    said(lambda: digits.Model.from_npz(sys.argv[1]))

    turned = np.asfortranarray(image)
    assert (model.predict(image=turned).probabilities == found.probabilities).all()
    assert model.predict(image=image[:0]).probabilities.shape == (0, 10)
    other = digits.Model.from_npz(sys.argv[2])
    for same in (pickle.loads(pickle.dumps(model)), other, pickle.loads(pickle.dumps(other))):
        assert (same.predict(image=image).probabilities == found.probabilities).all()

    wrong = []
    def work():
        for _ in range(200):
            if (model.predict(image=image).probabilities != found.probabilities).any():
                wrong.append(1)
    threads = [threading.Thread(target=work) for _ in range(4)]
    [t.start() for t in threads], [t.join() for t in threads]
    assert not wrong
"""


def hosted(proto: onnx.ModelProto, name: str, *, build: bool = True) -> onnx2rust.Hosted:
    out = BUILD / name
    shutil.rmtree(out, ignore_errors=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    source = BUILD / f"{name}.onnx"
    source.write_bytes(proto.SerializeToString())
    return onnx2rust.host("python", source, out, Options(name=name, binary_classification=False), build=build)


@pytest.fixture(scope="module")
def interpreter() -> Path:
    """An environment of its own with numpy."""
    folder = BUILD / "environment"
    if not folder.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin" / "pip", "install", "-q", "numpy"], check=True, timeout=300)
    return folder / "bin" / "python"


def installed(interpreter: Path, made: onnx2rust.Hosted) -> None:
    assert made.dist is not None
    (wheel,) = made.dist.glob("*.whl")
    assert "abi3" in wheel.name
    pip = [str(interpreter), "-m", "pip", "install", "-q", "--no-deps", "--force-reinstall", str(wheel)]
    subprocess.run(pip, check=True, timeout=300)


def run(interpreter: Path, text: str, *arguments: Path) -> list[str]:
    command: Iterable[Any] = [interpreter, "-c", textwrap.dedent(text), *arguments]
    done = subprocess.run(list(command), capture_output=True, text=True, check=False, timeout=300, cwd=BUILD)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def digits(interpreter: Path) -> onnx2rust.Hosted:
    made = hosted(onnx_models.digits(), "digits")
    installed(interpreter, made)
    return made


BOTH = """
    import json, pickle, sys, threading
    import numpy as np
    import digits, score

    image, features = np.load(sys.argv[1]), np.load(sys.argv[2])
    models = digits.Model(), score.Model()
    first = [models[0].predict(image=image).probabilities, models[1].predict(features=features).probability]
    print(json.dumps([a.tolist() for a in first]))
    models = pickle.loads(pickle.dumps(models))
    assert type(models[0]) is digits.Model and type(models[1]) is score.Model

    def work():
        for _ in range(100):
            assert (models[0].predict(image=image).probabilities == first[0]).all()
            assert (models[1].predict(features=features).probability == first[1]).all()
        done.append(1)
    done = []
    threads = [threading.Thread(target=work) for _ in range(3)]
    [t.start() for t in threads], [t.join() for t in threads]
    print(len(done))
"""


@pytest.mark.slow
@pytest.mark.hosts
def test_wheels_of_two_models_serve_one_process(interpreter: Path, digits: onnx2rust.Hosted, tmp_path: Path) -> None:
    installed(interpreter, hosted(onnx_models.score(), "score"))
    rng = np.random.default_rng(4)
    image, features = rng.random((3, 1, 8, 8), np.float32), rng.random((5, 10), np.float32)
    for name, array in (("image", image), ("features", features)):
        np.save(tmp_path / f"{name}.npy", array)
    numbers, threads = run(interpreter, BOTH, tmp_path / "image.npy", tmp_path / "features.npy")
    assert threads == "3"
    protos = (onnx_models.digits(), {"image": image}), (onnx_models.score(), {"features": features})
    for found, (proto, feeds) in zip(json.loads(numbers), protos, strict=True):
        np.testing.assert_allclose(np.array(found), Reference(proto).run(feeds)[0], rtol=5e-6, atol=5e-6)


@pytest.mark.slow
@pytest.mark.hosts
def test_numbers_errors_pickles_and_threads(interpreter: Path, digits: onnx2rust.Hosted, tmp_path: Path) -> None:
    proto, made = onnx_models.digits(), digits
    image = np.random.default_rng(3).random((3, 1, 8, 8), np.float32)
    np.save(tmp_path / "image.npy", image)
    first, *said = run(interpreter, DIGITS, tmp_path / "image.npy", made.project.crate / "model" / "model_weights.npz")
    (expected,) = Reference(proto).run({"image": image})
    np.testing.assert_allclose(np.array(json.loads(first)), expected, rtol=5e-6, atol=5e-6)
    assert said[:5] == [
        "TypeError: input `image`: is an array of float64, the model needs an array of float32",
        "TypeError: input `image`: is a list, the model needs an array of float32",
        "ValueError: input `image`: axis 2 is 7, the model needs 8",
        "TypeError: Model.predict() takes 0 positional arguments but 1 was given",
        "FileNotFoundError: none.npz: No such file or directory (os error 2)",
    ]
    assert said[5].startswith(f"ValueError: {tmp_path / 'image.npy'} does not fit this model")

    stub = tmp_path / "use.py"
    lines = ["import digits", "import numpy as np", "m = digits.Model()"]
    lines += ["found: np.ndarray = m.predict(image=np.zeros((1, 1, 8, 8), np.float32)).probabilities"]
    lines += ["m.predict(image=np.zeros(3))", "m.predict(picture=found)", "digits.Model.from_npz(3)"]
    stub.write_text("\n".join(lines), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--python-executable",
        str(interpreter),
        "--cache-dir",
        str(tmp_path / "cache"),
        str(stub),
    ]
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path).stdout
    assert [line.split(":")[1] for line in told.splitlines() if ": error: " in line] == ["5", "6", "7"], told


@pytest.mark.slow
@pytest.mark.hosts
def test_every_element_type(interpreter: Path) -> None:
    kinds = [
        "FLOAT",
        "DOUBLE",
        "FLOAT16",
        "BOOL",
        "INT8",
        "UINT8",
        "INT16",
        "UINT16",
        "INT32",
        "UINT32",
        "INT64",
        "UINT64",
        "STRING",
    ]
    inputs = [helper.make_tensor_value_info(k.lower(), getattr(TensorProto, k), ["n", 2]) for k in kinds]
    # names that the shell has itself, of each type that it reads in a way of its own
    own = [TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.STRING]
    inputs += [helper.make_tensor_value_info(n, own[k % 3], ["n", "inputs"]) for k, n in enumerate(NAMES)]
    inputs.append(helper.make_tensor_value_info("wide", TensorProto.FLOAT, ["m"]))
    inputs.append(helper.make_tensor_value_info("lambda", TensorProto.FLOAT, []))
    outputs = [helper.make_tensor_value_info(f"{i.name}_out", i.type.tensor_type.elem_type, None) for i in inputs]
    nodes = [helper.make_node("Identity", [i.name], [o.name]) for i, o in zip(inputs, outputs, strict=True)]
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    made = hosted(proto, "kinds")
    installed(interpreter, made)
    text = """
        import inspect, resource
        import numpy as np
        import kinds

        types = {"float": "float32", "double": "float64", "string": "object", "lambda_": "float32"}
        names = [n for n in inspect.signature(kinds.Model.predict).parameters if n != "self"]
        assert "array" in names and "outputs" in names and "shapes" in names
        types |= {n: ("float32", "float16", "object")[k % 3] for k, n in enumerate(names[13:-2])}
        values = {"object": [["a", "b"]], "float32": [[1, 0.5]]}
        given = {n: np.array(values.get(types.get(n), [[1, 0]]), types.get(n, n)) for n in names[:-2]}
        given |= {"wide": np.arange(3, dtype="float32"), "lambda_": np.array(3, "float32")}
        model = kinds.Model()
        found = model.predict(**given)
        assert found._fields[-1] == "lambda_out" and len(found) == len(names)
        for (name, a), b in zip(given.items(), found, strict=True):
            assert a.dtype == b.dtype and a.shape == b.shape and (a == b).all(), (name, a, b)

        # lists of strings keep what numpy's strings do not
        assert model.predict(**given | {"string": [["a\\0", "b"]]}).string_out[0, 0] == "a\\0"
        # elements apart from each other, or at odd places, are copied
        for name in ("float", "float16", "int64"):
            a = given[name]
            odd = np.frombuffer(b"x" + a.tobytes(), a.dtype, offset=1).reshape(a.shape)
            assert not odd.flags.aligned
            wide = np.zeros((1, 4), a.dtype)
            wide[:, ::2] = a
            backwards = np.ascontiguousarray(a[:, ::-1])[:, ::-1]
            for same in (odd, wide[:, ::2], backwards):
                assert (getattr(model.predict(**given | {name: same}), name + "_out") == a).all(), name
        for name, wrong in [
            ("lambda_", np.float32(3)),
            ("float16", np.float16(3)),
            ("float16", given["float16"].astype(">f2")),
            ("float", given["float"].astype(">f4")),
            ("string", [["a", 1]]),
        ]:
            try:
                model.predict(**given | {name: wrong})
            except TypeError as error:
                print(error)

        wide = np.zeros(1 << 24, np.float32)
        assert model.predict(**given | {"wide": wide}).wide_out.shape == wide.shape
        size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + (16 << 20), resource.RLIM_INFINITY))
        try:
            model.predict(**given | {"wide": wide})
        except MemoryError as error:
            print(error)
    """
    assert run(interpreter, text) == [
        "input `lambda_`: is a float32, the model needs an array of float32",
        "input `float16`: is a float16, the model needs an array of float16",
        "input `float16`: is an array of >f2, the model needs an array of float16",
        "input `float`: is an array of >f4, the model needs an array of float32",
        "input `string`: the model needs strings",
        "no memory for an array of 16777216 elements",
    ]


@pytest.mark.parametrize("text", ["block comment end", "double quote", "newline", "backslash", "template", "braces", "non-ASCII"])
def test_hostile_names_stay_in_their_places(text: str) -> None:
    made = hosted(hostile.model(hostile.TEXTS[text]), "hostile", build=False)
    for path in [*made.shell.rglob("*.py"), *made.shell.rglob("*.pyi")]:
        compile(path.read_text(encoding="utf-8"), str(path), "exec")


def test_what_has_no_form_in_python_is_refused(tmp_path: Path) -> None:
    info = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, [2])
    node = helper.make_node("SequenceLength", ["s"], ["n"])
    graph = helper.make_graph([node], "g", [info], [helper.make_tensor_value_info("n", TensorProto.INT64, [])])
    path = tmp_path / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    with pytest.raises(UnsupportedError) as refused:
        onnx2rust.host("python", path, tmp_path / "out", Options(name="json"))
    assert str(refused.value).splitlines() == [
        f'{path}: --host python: "s": sequences, maps and tensors of any rank have no form in Python here',
        "    → use the crate from Rust, or cut the model with --input and --output",
        f"{path}: --host python: no module of Python can be called json besides its own",
        "    → give the crate another name with --crate-name",
    ]
    assert not (tmp_path / "out").exists()


def test_tools_run_in_folders_of_their_own_and_are_given_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    onnx.save(onnx_models.score(), tmp_path / "score.onnx")
    monkeypatch.chdir(tmp_path)
    commands: list[list[str]] = []
    monkeypatch.setattr(python, "run", lambda command, folder, package: commands.append([*command, str(folder)]))
    made = onnx2rust.host("python", "score.onnx", "out", build=True)
    folder = tmp_path.resolve() / "out" / "score-python"
    assert commands[0][-2:] == [str(folder / "dist"), str(folder)]
    assert made.dist == Path("out/score-python/dist")


def test_what_pip_and_numpy_call_things_is_right_in_all_their_versions(tmp_path: Path) -> None:
    flags = helper.make_tensor_value_info("flags", TensorProto.BOOL, ["n"])
    node = helper.make_node("Not", ["flags"], ["others"])
    graph = helper.make_graph([node], "g", [flags], [helper.make_tensor_value_info("others", TensorProto.BOOL, ["n"])])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "test.onnx")
    shell = onnx2rust.host("python", tmp_path / "test.onnx", tmp_path / "out").shell
    project = tomllib.loads((shell / "pyproject.toml").read_text(encoding="utf-8"))
    # a keyword of Rust is `test_` as a crate and as a module; no distribution may end with a line
    assert project["project"]["name"] == "test"
    assert project["tool"]["maturin"]["module-name"] == "test_._native"
    texts = [p.read_text(encoding="utf-8") for p in (shell / "README.md", *shell.rglob("*.py*")) if p.suffix != ".toml"]
    # numpy 1.26 has no `np.bool`
    assert [re.findall(r"np\.bool\w*", text) for text in texts].count(["np.bool_"]) >= 2
    assert "np.bool]" not in "".join(texts)


def test_building_without_maturin_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    onnx.save(onnx_models.score(), tmp_path / "score.onnx")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="maturin is missing"):
        onnx2rust.host("python", tmp_path / "score.onnx", tmp_path / "out", build=True)
    assert (tmp_path / "out" / "score-python" / "pyproject.toml").exists()
