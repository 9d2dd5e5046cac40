"""The host `wasm`: in Node its package gives onnxruntime's numbers, JavaScript's own kinds of errors, and never a trap."""

from __future__ import annotations

import json
import re
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
from onnx import TensorProto, helper

import onnx2rust
from onnx2rust.base.errors import UnsupportedError
from onnx2rust.base.options import Options
from onnx2rust.model.reference import Reference

BUILD = rust_tools.BUILD / "hosts_wasm"
SAID = """
const said = (call) => { try { call(); console.log("fine"); } catch (error) { console.log(String(error)); } };
"""
DIGITS = """
import { readFileSync } from "node:fs";
import { Worker, isMainThread, workerData } from "node:worker_threads";
import { compile, load, Model, SIMD } from "PACKAGE";

const file = readFileSync("IMAGE");
const image = new Float32Array(file.buffer, file.byteOffset, file.length / 4);
const show = (found) => console.log(JSON.stringify([...found.probabilities.data, ...found.probabilities.shape]));
if (!SIMD) throw new Error("no vectors");
const model = await load();
show(model.predict({ image }));
show(model.predict({ image: image.subarray(64, 128) }));
show(model.predict({ image: image.subarray(0, 0) }));
const scalar = await load(new URL("digits.scalar.wasm", "PACKAGE"));
show(scalar.predict({ image }));
const other = await load(await compile());
const kept = other.predict({ image }).probabilities.data;
other.predict({ image: image.map((x) => 1 - x) });
show({ probabilities: { data: kept, shape: [3, 10] } });
const bytes = model.bytes;
for (let k = 0; k < 1000; k++) model.predict({ image });
if (model.bytes !== bytes) throw new Error("it leaks");

SAID
said(() => model.predict({ image: image.subarray(0, 63) }));
said(() => model.predict({ image: new Float32Array(2 ** 30) }));
said(() => model.predict({ image: new Float32Array(2 ** 29) }));
said(() => model.predict({ image: [...image] }));
said(() => model.predict({ image: new Float64Array(64) }));
said(() => model.predict({}));
said(() => model.predict({ image, mask: image }));
said(() => model.predict(null));
said(() => model.predict({ image }, { batch: 3 }));
said(() => new Model());
model.free();
said(() => model.predict({ image }));
console.log(model.bytes);

// memory, and a function that traps
const trap = [0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 5, 3, 1, 0, 1, 7, 23, 2,
  6, ...Buffer.from("memory"), 2, 0, 10, ...Buffer.from("model_room"), 0, 0, 10, 5, 1, 3, 0, 0, 11];
const broken = await load(new Uint8Array(trap));
said(() => broken.predict({ image }));
said(() => broken.predict({ image }));
await load(new URL("none.wasm", "PACKAGE")).catch((error) => console.log(error.code));
"""
KINDS = ["FLOAT", "DOUBLE", "FLOAT16", "BOOL", "INT8", "UINT8", "INT16", "UINT16", "INT32", "UINT32", "INT64", "UINT64", "STRING"]
KINDS_SCRIPT = """
import { load, INPUTS, SIZES } from "PACKAGE";

const model = await load();
const given = {
  n_1: new Float32Array([0.5, -0, NaN, Infinity]),
  double: new Float64Array([1e-300, 2, 3, 4]), float16: new Uint16Array([0, 15360, 1, 2]),
  bool: new Uint8Array([0, 1, 1, 0]), int8: new Int8Array([-128, 127, 0, 1]), uint8: new Uint8Array([255, 0, 1, 2]),
  int16: new Int16Array([-32768, 1, 2, 3]), uint16: new Uint16Array([65535, 1, 2, 3]),
  int32: new Int32Array([-2147483648, 1, 2, 3]), uint32: new Uint32Array([4294967295, 1, 2, 3]),
  int64: new BigInt64Array([-(2n ** 63n), 1n, 2n, 3n]),
  uint64: new BigUint64Array([2n ** 64n - 1n, 1n, 2n, 3n]), string: ["\\ufeff", "\\ufeffété 🦀", "x\\0y", "long".repeat(1000)],
};
const names = Object.fromEntries(INPUTS.map((i) => [i.title, i.name]));
const inputs = Object.fromEntries(Object.entries(given).map(([k, v]) => [names[k === "n_1" ? "float" : k], v]));
const found = model.predict(inputs, { a: 2, b: 2 });
for (const { title, name } of INPUTS) {
  const { data, shape } = found[`${title}_out`];
  const equal = data.length === 4 && inputs[name].every((x, k) => Object.is(x, data[k]));
  const same = equal && data.constructor === inputs[name].constructor;
  console.log(title, same, String(shape));
}
console.log(String(found.one.data), found.one.shape.length, String(SIZES));
const empty = Object.fromEntries(INPUTS.map(({ name }) => [name, inputs[name].slice(0, 0)]));
console.log(String(model.predict(empty, { a: 0, b: 5 }).string_out.shape));

SAID
const but = (more) => ({ ...inputs, ...more });
said(() => model.predict(but({ [names.bool]: new Uint8Array([0, 1, 2, 0]) }), { a: 2, b: 2 }));
said(() => model.predict(but({ string: ["a", "b", "c", 4] }), { a: 2, b: 2 }));
said(() => model.predict(but({ string: ["a"] }), { a: 2, b: 2 }));
said(() => model.predict(but({ int64: [1, 2, 3, 4] }), { a: 2, b: 2 }));
said(() => model.predict(inputs));
said(() => model.predict(inputs, { a: 2, b: -2 }));
said(() => model.predict(inputs, { a: 2, b: "2" }));
said(() => model.predict(inputs, { a: 2, b: 3 }));
said(() => model.predict(but({ string: ["", "a", "\\ud83e\\udd80", "\\udd80\\ud83e"] }), { a: 2, b: 2 }));
said(() => model.predict(but({ string: Object.assign(["a", "b"], { length: 4 }) }), { a: 2, b: 2 }));
const gone = new Float32Array(4);
structuredClone(gone.buffer, { transfer: [gone.buffer] });
said(() => model.predict(but({ [names.float]: gone }), { a: 0, b: 2 }));
// code that runs while inputs are read: another call, and the end of the model
const lazy = (get) => Object.defineProperty(but({}), "string", { get, enumerable: true });
const again = () => (model.predict(empty, { a: 0, b: 5 }), inputs.string);
console.log(String(model.predict(lazy(again), { a: 2, b: 2 }).int32_out.data));
said(() => model.predict(lazy(() => (model.free(), inputs.string)), { a: 2, b: 2 }));
"""


def run(command: list[str], **more: Any) -> str:
    done: subprocess.CompletedProcess[bytes] = subprocess.run(command, capture_output=True, check=False, timeout=300, **more)
    assert done.returncode == 0, f"{command}: {done.stdout.decode()}{done.stderr.decode()}"
    return done.stdout.decode()


def hosted(proto: onnx.ModelProto, name: str, place: str = "", *, build: bool = True) -> onnx2rust.Hosted:
    out = BUILD / (place or name)
    shutil.rmtree(out, ignore_errors=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    source = BUILD / f"{name}.onnx"
    source.write_bytes(proto.SerializeToString())
    return onnx2rust.host("wasm", source, out, Options(name=name, binary_classification=False), build=build)


def in_node(package: Path, script: str, **places: str) -> list[str]:
    """The lines that a script writes."""
    for name, value in {"PACKAGE": (package / "index.js").as_uri(), "SAID": SAID, **places}.items():
        script = script.replace(name, value)
    path = package.parent / "test.mjs"
    path.write_text(script, encoding="utf-8")
    return run(["node", str(path)]).rstrip("\n").split("\n")


@pytest.mark.slow
@pytest.mark.hosts
@need("node", "npm", "cargo")
def test_node_gets_onnxruntimes_numbers_and_errors_are_words() -> None:
    proto = onnx_models.digits()
    made = hosted(proto, "digits")
    assert made.dist is not None
    image = np.random.default_rng(3).random((3, 1, 8, 8), np.float32)
    (made.shell / "image").write_bytes(image.tobytes())
    lines = in_node(made.dist, DIGITS, IMAGE=str(made.shell / "image"))
    reference = Reference(proto)
    for line, rows in zip(lines, (image, image[1:2], image[:0], image, image), strict=False):
        (expected,) = reference.run({"image": rows}) if len(rows) else (np.zeros((0, 10), np.float32),)
        found = np.array(json.loads(line))
        assert found[-2:].tolist() == [len(rows), 10]
        np.testing.assert_allclose(found[:-2].reshape(expected.shape), expected, rtol=5e-6, atol=5e-6)
    has = "the model has `image`"
    assert lines[5:] == [
        "RangeError: input `image` has 63 elements, its shape needs 64",
        "RangeError: input `image`: 1073741824 elements are more than memory can hold",
        "Error: no memory for a buffer of 2147483648 bytes",
        "TypeError: input `image`: is Array, the model needs Float32Array",
        "TypeError: input `image`: is Float64Array, the model needs Float32Array",
        f"TypeError: inputs: `image` missing; {has}",
        f"TypeError: inputs: `mask` is none of them; {has}",
        "TypeError: inputs: is Null, an object is needed",
        "TypeError: sizes: `batch` is none of them; the model has none",
        "TypeError: a model is made by `await load()`",
        "Error: the model is closed: load it anew",
        "0",
        "Error: a bug in the generated crate: it panicked; load the model anew",
        "Error: the model is closed: load it anew",
        "ENOENT",
    ]
    user = made.shell / "user"
    user.mkdir()
    run(["npm", "install", "--offline", "--no-audit", "--no-fund", str(made.dist)], cwd=user)
    for page in (made.shell / "README.md", rust_tools.ROOT / "docs" / "hosts.md"):
        code = re.findall(r"```js\n(.*?)```", page.read_text(encoding="utf-8"), re.S)[0]
        (user / "use.mjs").write_text(code, encoding="utf-8")
        assert "[ 1, 10 ]" in run(["node", "use.mjs"], cwd=user)
    again = hosted(proto, "digits", "again/digits").dist
    assert again is not None
    names = sorted(path.name for path in made.dist.iterdir())
    assert names == sorted(path.name for path in again.iterdir())
    assert [name for name in names if (made.dist / name).read_bytes() != (again / name).read_bytes()] == []


GROWING_SCRIPT = """
import { load } from "PACKAGE";
const model = await load();
SAID
const of = (length) => new Float32Array(length).fill(1);
const run = (n, m, height, width) => model.predict({ x: of(n), y: of(m), image: of(height * width) }, { n, m, height, width });
for (const sizes of [[2 ** 16, 2 ** 16, 2, 2], [2 ** 20, 1, 2, 2], [1, 1, 2 ** 11, 2 ** 11]]) said(() => run(...sizes));
console.log(String(run(3, 5, 4, 4).sum.data));
const other = await (await import("OTHER")).load();
const drawn = () => [...other.predict({ features: of(20) }).probability.data];
const found = drawn();
console.log(String(run(2, 2, 4, 4).sum.data), JSON.stringify(found), String(drawn()) === String(found));
"""


@pytest.mark.slow
@pytest.mark.hosts
@need("node", "cargo")
def test_tensors_longer_than_a_size_can_say_are_refused_and_models_share_a_process() -> None:
    """2³² elements would be none in 32 bits; the model goes on, beside another package."""
    made, other = hosted(onnx_models.growing(), "growing"), hosted(onnx_models.score(), "score")
    assert made.dist is not None
    assert other.dist is not None
    *said, total, last = in_node(made.dist, GROWING_SCRIPT, OTHER=(other.dist / "index.js").as_uri())
    assert said == ["Error: no memory for a buffer of 4294967295 bytes"] * 3
    assert total == "15"
    total, found, same = last.split()
    assert (total, same) == ("4", "true")
    (expected,) = Reference(onnx_models.score()).run({"features": np.ones((2, 10), np.float32)})
    np.testing.assert_allclose(json.loads(found), expected.ravel(), rtol=5e-6, atol=5e-6)


@pytest.mark.slow
@pytest.mark.hosts
@need("node", "cargo")
def test_every_element_type_and_sizes_that_no_length_says() -> None:
    inputs = [helper.make_tensor_value_info(k.lower(), getattr(TensorProto, k), ["a", "b"]) for k in KINDS]
    outputs = [helper.make_tensor_value_info(f"{k.lower()}_out", getattr(TensorProto, k), ["a", "b"]) for k in KINDS]
    one = helper.make_tensor_value_info("one", TensorProto.INT64, [])
    nodes = [helper.make_node("Identity", [k.lower()], [f"{k.lower()}_out"]) for k in KINDS]
    nodes.append(helper.make_node("Size", ["float"], ["one"]))
    graph = helper.make_graph(nodes, "g", inputs, [*outputs, one])
    made = hosted(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "kinds")
    assert made.dist is not None
    needs = "input `string`: is Array, the model needs an Array of strings"
    assert in_node(made.dist, KINDS_SCRIPT) == [
        *[f"{k.lower()} true 2,2" for k in KINDS],
        "4 0 a,b",
        "0,5",
        "RangeError: input `bool_`: a bool is neither 0 nor 1",
        f"TypeError: {needs}",
        "RangeError: input `string` has 1 elements, its shape needs 4",
        "TypeError: input `int64`: is Array, the model needs BigInt64Array",
        "TypeError: sizes: `a`, `b` missing; the model has `a`, `b`",
        "RangeError: size `b`: is Number -2, a whole Number is needed",
        "RangeError: size `b`: is String 2, a whole Number is needed",
        "RangeError: input `float` has 4 elements, its shape needs 6",
        "RangeError: input `string`: string 3 has half of a surrogate pair, which is no character",
        f"TypeError: {needs}",
        "TypeError: input `float`: its buffer is detached: it was sent elsewhere (postMessage), keep a copy",
        "-2147483648,1,2,3",
        "Error: the model is closed: load it anew",
    ]


@pytest.mark.slow
@pytest.mark.hosts
@need("node")
@need_npm("typescript")
@pytest.mark.parametrize("text", hostile.TEXTS)
def test_hostile_names_stay_in_their_places(text: str) -> None:
    proto = hostile.model(hostile.TEXTS[text])
    package = hosted(proto, "hostile", build=False).shell / "package"
    lines = in_node(package, 'import { INPUTS, OUTPUTS } from "PACKAGE"; console.log(JSON.stringify([...INPUTS, ...OUTPUTS]));')
    found = json.loads(lines[0])
    assert [t["title"] for t in found] == [t.name for t in (*proto.graph.input, *proto.graph.output)]
    first, second, third, fourth = (t["name"] for t in found)
    use = (
        'import { load } from "./index.js";\nconst model = await load();\nconst x = new Float32Array(4);\n'
        f"const {{ data, shape }} = model.predict({{ {first}: x, {second}: x }}).{third};\n"
        f"export const found: [Float32Array, number[]] = [data, shape];\nmodel.predict({{ {first}: x, {second}: x }}).{fourth};\n"
        f"// @ts-expect-error: of another type\nmodel.predict({{ {first}: [1], {second}: x }});\n"
    )
    (package / "use.ts").write_text(use, encoding="utf-8")
    flags = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom", "--types", ""]
    run(["node", str(NPM / "typescript" / "bin" / "tsc"), *flags, "use.ts"], cwd=package)
    assert json.loads((package / "package.json").read_text(encoding="utf-8"))["name"] == "hostile"


def test_what_has_no_form_in_javascript_is_refused(tmp_path: Path) -> None:
    info = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, [2])
    node = helper.make_node("SequenceLength", ["s"], ["n"])
    graph = helper.make_graph([node], "g", [info], [helper.make_tensor_value_info("n", TensorProto.INT64, [])])
    path = tmp_path / "path.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    with pytest.raises(UnsupportedError) as refused:
        onnx2rust.host("wasm", path, tmp_path / "out")
    assert str(refused.value).splitlines() == [
        f'{path}: --host wasm: "s": sequences, maps and tensors of any rank have no form in JavaScript here',
        "    → use the crate from Rust, or cut the model with --input and --output",
        f"{path}: --host wasm: Node has a module called path",
        "    → give the crate another name with --crate-name",
    ]
    assert not (tmp_path / "out").exists()
