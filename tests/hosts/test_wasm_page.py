"""The page of the host `wasm`, in headless Chromium: what is drawn or given as a file gets onnxruntime's numbers."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hostile
import numpy as np
import onnx_models
import pytest
from host_tools import NPM, need, need_npm
from onnx import TensorProto, helper
from PIL import Image
from test_wasm import hosted, run

from onnx2rust.model.reference import Reference

SCRIPT = """
import playwright from "PLAYWRIGHT";
import { writeFileSync } from "node:fs";

const browser = await playwright.chromium.launch({ executablePath: "CHROMIUM", args: ["--no-sandbox"] });
const page = await browser.newPage();
const said = [];
page.on("pageerror", (error) => said.push(String(error)));
page.on("requestfailed", (request) => said.push(request.url()));
page.on("response", (response) => { if (!response.ok()) said.push(`${response.status()} ${response.url()}`); });
await page.goto("ADDRESS/demo.html");
await page.waitForSelector("#inputs fieldset");
const found = [];
const seen = async (act) => {
  await page.evaluate(() => { demo.outputs = null; document.getElementById("problem").textContent = ""; });
  await act();
  await page.waitForFunction(() => demo.outputs || document.getElementById("problem").textContent);
  found.push(await page.evaluate(() => ({
    problem: document.getElementById("problem").textContent,
    time: document.getElementById("time").textContent,
    rows: document.querySelectorAll("#outputs tr").length,
    image: Array.from(demo.inputs.image ?? []),
    output: demo.outputs && Array.from(demo.outputs.probabilities.data),
  })));
};
for (const file of FILES) await seen(() => page.setInputFiles("#file_image", file));
await seen(async () => {
  const box = await page.locator("#draw_image").boundingBox();
  await page.mouse.move(box.x + 60, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + 200, box.y + 80, { steps: 5 });
  await page.mouse.move(box.x + 120, box.y + 230, { steps: 5 });
  await page.mouse.up();
});
const picture = await page.evaluate(() => document.getElementById("picture").naturalWidth);
const worker = await page.evaluate(() => new Promise((resolve) => {
  const text = `import { load } from "ADDRESS/index.js"; onmessage = async (event) => {
    const model = await load(event.data.module);
    postMessage(Array.from(model.predict({ image: event.data.image }).probabilities.data));
  };`;
  const worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })), { type: "module" });
  worker.onmessage = (event) => resolve(event.data);
  const { image } = demo.inputs;
  import("ADDRESS/index.js").then(async ({ compile }) => worker.postMessage({ module: await compile(), image }));
}));
await browser.close();
console.log(JSON.stringify({ found, said, picture, worker }));
"""
HOSTILE = """
import playwright from "PLAYWRIGHT";

const browser = await playwright.chromium.launch({ executablePath: "CHROMIUM", args: ["--no-sandbox"] });
const page = await browser.newPage();
const said = [];
page.on("pageerror", (error) => said.push(String(error)));
page.on("dialog", (dialog) => { said.push("dialog"); dialog.dismiss(); });
for (const address of ADDRESSES) {
  await page.goto(`${address}/demo.html`);
  await page.waitForFunction(() => document.getElementById("problem").textContent);
  said.push(await page.evaluate(() => [document.scripts.length, document.querySelectorAll("a, b").length]));
}
await browser.close();
console.log(JSON.stringify(said));
"""
BROWSER = shutil.which("chromium") or ""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a plain server of files."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def in_chromium(folder: Path, script: str, **places: str) -> object:
    """What a script of playwright's writes."""
    library = (NPM / "playwright-core" / "index.js").as_uri()
    for name, value in {"PLAYWRIGHT": library, "CHROMIUM": BROWSER, **places}.items():
        script = script.replace(name, value)
    path = folder / "test_page.mjs"
    path.write_text(script, encoding="utf-8")
    return json.loads(run(["node", str(path)]))


@pytest.mark.slow
@pytest.mark.hosts
@need("node", "cargo", "chromium")
@need_npm("playwright-core")
def test_the_page_scores_files_and_what_is_drawn() -> None:
    proto = onnx_models.digits()
    made = hosted(proto, "digits", "page/digits")
    assert made.dist is not None
    files = made.shell
    image = np.random.default_rng(5).random((2, 1, 8, 8), np.float32)
    np.save(files / "two.npy", image)
    np.save(files / "whole.npy", (image[:1] * 9).astype(np.int64))
    np.save(files / "turned.npy", np.asfortranarray(image))
    (files / "one.json").write_text(json.dumps(image[:1].tolist()), encoding="utf-8")
    (files / "short.json").write_text("[1, 2]", encoding="utf-8")
    grey = (image[0, 0] * 255).astype(np.uint8)
    Image.fromarray(np.stack([grey] * 3, -1)).save(files / "grey.png")
    names = ["two.npy", "whole.npy", "one.json", "grey.png", "short.json", "turned.npy"]
    with served(made.dist) as address:
        seen: object = in_chromium(files, SCRIPT, ADDRESS=address, FILES=json.dumps([str(files / n) for n in names]))
    assert isinstance(seen, dict)
    assert seen["said"] == []
    assert seen["picture"] > 100
    *right, short, turned, drawn = seen["found"]
    given = [image, (image[:1] * 9).astype(np.int64).astype(np.float32), image[:1], grey.astype(np.float32)[None, None] / 255]
    stroke = np.array(drawn["image"], np.float32).reshape(1, 1, 8, 8)
    assert 0.05 < stroke.mean() < 0.8
    assert stroke.max() > 0.9
    reference = Reference(proto)
    for one, batch in zip([*right, drawn], [*given, stroke], strict=True):
        (expected,) = reference.run({"image": batch})
        np.testing.assert_allclose(np.array(one["output"], np.float32).reshape(expected.shape), expected, rtol=5e-6, atol=5e-6)
        assert one["rows"] == 10
        assert one["time"].endswith("ms)")
    assert short["problem"] == "input `image` has 2 elements, its shape needs 64"
    assert turned["problem"] == "the array's first axis is its fastest: save np.ascontiguousarray(array)"
    np.testing.assert_allclose(seen["worker"], drawn["output"], rtol=0, atol=0)


TYPES = """
import playwright from "PLAYWRIGHT";

const browser = await playwright.chromium.launch({ executablePath: "CHROMIUM", args: ["--no-sandbox"] });
const page = await browser.newPage();
await page.goto("ADDRESS/demo.html");
await page.waitForSelector("#inputs fieldset");
for (const name of ["half", "small", "whole"]) await page.click(`#random_${name}`);
const found = [];
for (const [name, file] of FILES) {
  await page.evaluate(() => { demo.outputs = null; document.getElementById("problem").textContent = ""; });
  await page.setInputFiles(`#file_${name}`, file);
  await page.waitForFunction(() => demo.outputs || document.getElementById("problem").textContent);
  found.push(await page.evaluate((name) => [
    document.getElementById("problem").textContent,
    demo.outputs ? Array.from(demo.outputs[`${name}_out`].data, String) : [],
    Array.from(document.querySelectorAll("#outputs td:nth-child(2)"), (cell) => cell.textContent),
  ], name));
}
await browser.close();
console.log(JSON.stringify(found));
"""


@pytest.mark.slow
@pytest.mark.hosts
@need("node", "cargo", "chromium")
@need_npm("playwright-core")
def test_the_page_gives_elements_what_their_types_hold() -> None:
    """Halves are numbers in files and tables; what a type cannot hold is refused, not wrapped."""
    kinds = {"half": TensorProto.FLOAT16, "small": TensorProto.INT8, "whole": TensorProto.INT64}
    inputs = [helper.make_tensor_value_info(name, kind, [3]) for name, kind in kinds.items()]
    outputs = [helper.make_tensor_value_info(f"{name}_out", kind, [3]) for name, kind in kinds.items()]
    nodes = [helper.make_node("Identity", [name], [f"{name}_out"]) for name in kinds]
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    made = hosted(proto, "types", "page/types")
    assert made.dist is not None
    near = np.array([0.1, -2.5e-7, 65519.99], np.float64)
    tie = np.array([1 + 2**-11, 2**-25, -(1 + 3 * 2**-11)], np.float32)
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "near": near,
        "tie": tie,
        "halves": np.array([np.inf, np.nan, -0.0], np.float16),
        "large": np.array([1, 2**62 + 1, -(2**63)]),
    }
    for name, array in arrays.items():
        np.save(made.shell / f"{name}.npy", array)
    texts = {
        "wrapped": "[1, 300, 2]",
        "cut": "[1, 0.5, 2]",
        "none": "[1, null, 2]",
        "inexact": "[1, 9007199254740993, 2]",
        "over": "[1, 65520, 2]",
    }
    for name, text in texts.items():
        (made.shell / f"{name}.json").write_text(text, encoding="utf-8")
    asked = [("half", "near.npy"), ("half", "tie.npy"), ("half", "halves.npy"), ("whole", "large.npy"), ("small", "wrapped.json")]
    asked += [("small", "cut.json"), ("small", "none.json"), ("whole", "inexact.json"), ("half", "over.json")]
    with served(made.dist) as address:
        files = json.dumps([(name, str(made.shell / file)) for name, file in asked])
        found: object = in_chromium(made.shell, TYPES, ADDRESS=address, FILES=files)
    assert isinstance(found, list)
    for (problem, bits, cells), array in zip(found, [arrays[k] for k in ("near", "tie", "halves")], strict=False):
        assert problem == ""
        expected = array.astype(np.float16)
        np.testing.assert_array_equal(np.array(bits, np.uint16).view(np.float16), expected)
        np.testing.assert_allclose([float(cell) for cell in cells[:3]], expected.astype(np.float64), rtol=1e-5)
    assert found[3][:2] == ["", ["1", str(2**62 + 1), str(-(2**63))]]
    assert [problem for problem, *_ in found[4:]] == [
        "300 is no int8",
        "0.5 is no int8",
        "null is no number",
        "9007199254740992 is no int64 that is exact here",
        "65520 is no float16",
    ]


@pytest.mark.slow
@pytest.mark.hosts
@need("node", "chromium")
@need_npm("playwright-core")
def test_hostile_names_do_nothing_in_the_page() -> None:
    """Without its module: the page says that it is missing."""
    with contextlib.ExitStack() as stack:
        addresses = []
        for k, name in enumerate(("HTML and links", "double quote", "line separator")):
            made = hosted(hostile.model(hostile.TEXTS[name]), "hostile", f"hostile_page/{k}", build=False)
            addresses.append(stack.enter_context(served(made.shell / "package")))
        found = in_chromium(made.shell, HOSTILE, ADDRESSES=json.dumps(addresses))
    assert found == [[1, 0]] * 3
