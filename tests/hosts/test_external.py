"""Hosts of a model whose weights are a file: onnxruntime's numbers, and the host's own kind of error for what is no such file."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import textwrap
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_models
import pytest
import rust_tools
import test_score as test_score_program
from host_tools import need
from onnx import helper
from test_server import Server

import onnx2rust
from onnx2rust.base.errors import UnsupportedError
from onnx2rust.base.options import Options, Tables
from onnx2rust.conversion import scoring
from onnx2rust.model.reference import Reference

BUILD = rust_tools.BUILD / "hosts_external"
OTHER = "is no file of weights for this machine: give the one that the build of this crate has made"
FOREIGN = "holds weights of the layout "
DAMAGED = "is damaged: its checksum differs"


def short(size: int) -> str:
    return f"has {size - 64} bytes, the weights of this model are {size}: is it a whole copy?"


@dataclasses.dataclass
class Files:
    """Files of weights: a good one, and those that are not."""

    good: Path
    folder: Path

    def __iter__(self) -> Iterator[tuple[Path, str]]:
        """Bad ones, and what is said of each."""
        bytes_ = bytearray(self.good.read_bytes())
        bytes_[-100] ^= 1
        foreign = bytearray(self.good.read_bytes())
        foreign[16:24] = bytes(8)
        foreign[56:64] = _sum(bytes(foreign[:56]) + bytes(8))
        for name, content, said in (
            ("none", None, "No such file or directory"),
            ("other", b"PK\3\4" + bytes(200), OTHER),
            ("short", self.good.read_bytes()[:-64], short(self.good.stat().st_size)),
            ("foreign", bytes(foreign), FOREIGN),
            ("damaged", bytes(bytes_), DAMAGED),
        ):
            if content is not None:
                (self.folder / name).write_bytes(content)
            yield self.folder / name, said


def _sum(header: bytes) -> bytes:
    """The checksum of a header: FNV-1a over words, in eight lanes."""
    prime, basis, low = 0x100000001B3, 0xCBF29CE484222325, 2**64 - 1
    lanes = [((basis ^ k) * prime) & low for k in range(8)]
    lanes = [((lane ^ int(word)) * prime) & low for lane, word in zip(lanes, np.frombuffer(header, "<u8"), strict=True)]
    found = basis
    for lane in lanes:
        found = ((found ^ lane) * prime) & low
    return found.to_bytes(8, "little")


def hosted(
    kind: str, proto: onnx.ModelProto, name: str, *, build: bool = True, weights: str = "external", **options: Any
) -> onnx2rust.Hosted:
    out = BUILD / f"{kind}_{name}"
    shutil.rmtree(out, ignore_errors=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    source = BUILD / f"{name}.onnx"
    source.write_bytes(proto.SerializeToString())
    return onnx2rust.host(
        kind, source, out, Options(name=name, binary_classification=False, weights=weights, **options), build=build
    )


def files(made: onnx2rust.Hosted, folder: Path) -> Files:
    assert made.dist is not None
    return Files(made.dist / f"{made.project.crate_name}.weights", folder)


def run(command: list[Any], **more: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, **more)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return str(done.stdout)


def images(count: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(count).random((count, 1, 8, 8), np.float32)


def expected(image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(Reference(onnx_models.digits()).run({"image": image})[0])


def close(found: Any, image: np.ndarray[Any, Any]) -> None:
    np.testing.assert_allclose(np.array(found).reshape(-1, 10), expected(image), rtol=5e-6, atol=5e-6)


def test_firmware_has_no_files() -> None:
    shutil.rmtree(BUILD / "embedded_digits", ignore_errors=True)
    with pytest.raises(UnsupportedError) as error:
        hosted("embedded", onnx_models.digits(), "digits", build=False, dims={"batch": 1})
    assert (
        str(error.value)
        .splitlines()[0]
        .endswith("--weights external: --host embedded: a microcontroller has no files: weights lie in flash")
    )
    assert "leave --weights out: they are a part of the program then" in str(error.value)
    assert not (BUILD / "embedded_digits").exists()


@pytest.mark.parametrize("kind", ["c", "python", "wasm", "server", "score"])
def test_a_model_without_weights_reads_no_file(kind: str) -> None:
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ("n", 3))
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ("n", 3))
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "bare", [x], [y])
    bare = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    written = {
        weights: {
            file.name: file.read_text(encoding="utf-8")
            for file in hosted(kind, bare, "bare", build=False, weights=weights).shell.rglob("*")
            if file.is_file() and file.suffix != ".png"
        }
        for weights in ("embedded", "external")
    }
    assert written["external"] == written["embedded"]


C = r"""
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "digits.h"

enum { BATCH = 3 };
static float image[BATCH * 64];

static void *show(void *place) {
    digits_session *session = place;
    digits_inputs inputs = {image, BATCH * 64};
    digits_outputs outputs;
    if (digits_predict(session, &inputs, &outputs)) { puts(digits_error(session)); exit(1); }
    for (int i = 0; i < BATCH * 10; i++) printf("%.9g\n", (double)outputs.probabilities[i]);
    digits_close(session);
    return NULL;
}

static void said(int code, const digits_session *session) { printf("%d %s\n", code, digits_error(session)); }

int main(int count, char **files) {
    int code;
    digits_session *session, *shared, *mapped;
    digits_outputs outputs;
    digits_inputs inputs = {image, 64};
    if (fread(image, sizeof image, 1, stdin) != 1) return 2;
    if (digits_open_file(files[1], &session)) { puts(digits_error(session)); return 3; }
    shared = digits_open_shared(session);
    show(session);
    pthread_t thread;
    pthread_create(&thread, NULL, show, shared);
    pthread_join(thread, NULL);
    struct stat about;
    int file = open(files[1], O_RDONLY);
    if (fstat(file, &about)) return 4;
    const unsigned char *bytes = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (digits_open_bytes(bytes, (size_t)about.st_size, &mapped)) { puts(digits_error(mapped)); return 5; }
    show(mapped);
    unsigned char *askew = malloc((size_t)about.st_size + 1);
    memcpy(askew + 1, bytes, (size_t)about.st_size);
    if (digits_open_bytes(askew + 1, (size_t)about.st_size, &mapped)) { puts(digits_error(mapped)); return 6; }
    show(mapped);
    free(askew);
    for (int k = 2; k < count; k++) {
        code = digits_open_file(files[k], &session);
        said(code, session);
        digits_close(session);
    }
    printf("%d\n", digits_open_file(files[1], NULL));
    code = digits_open_file(NULL, &session);
    said(code, session);
    code = digits_predict(session, &inputs, &outputs);
    said(code, session);
    printf("%d\n", digits_open_shared(session) == NULL);
    digits_close(session);
    code = digits_open_bytes(NULL, 9, &session);
    said(code, session);
    digits_close(session);
    code = digits_open_bytes(bytes, 9, &session);
    said(code, session);
    digits_close(session);
    return 0;
}
"""


@pytest.mark.slow
@pytest.mark.hosts
@need("cc", "valgrind")
def test_c(tmp_path: Path) -> None:
    made = hosted("c", onnx_models.digits(), "digits")
    assert made.dist is not None
    (made.shell / "test.c").write_text(C, encoding="utf-8")
    flags = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-D_GNU_SOURCE", f"-I{made.dist / 'include'}"]
    program = tmp_path / "program"
    run(["cc", *flags, made.shell / "test.c", made.dist / "lib" / "libdigits.a", "-lpthread", "-ldl", "-lm", "-o", program])
    image, known = images(3), files(made, tmp_path)
    bad = list(known)
    command: list[Any] = [
        "valgrind",
        "-q",
        "--leak-check=full",
        "--error-exitcode=9",
        program,
        known.good,
        *(path for path, _ in bad),
    ]
    done = subprocess.run(command, input=image.tobytes(), capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    lines = done.stdout.decode().splitlines()
    for k in range(4):
        close([float(line) for line in lines[30 * k : 30 * k + 30]], image)
    said = lines[120:]
    for line, (path, problem) in zip(said, bad, strict=False):
        assert line.startswith(f"-1 {path}: {problem}"), line
    assert said[len(bad) :] == [
        "-1",
        "-1 path is NULL",
        "-1 the session has no weights: they could not be read when it was opened",
        "1",
        "-1 bytes is NULL, or they are more than memory can hold",
        f"-1 the weights in memory: {DAMAGED}",
    ]
    example = tmp_path / "example"
    run(["cc", *flags, made.shell / "examples" / "predict.c", made.dist / "lib" / "libdigits.a", "-lm", "-o", example])
    assert run([example, known.good]) == "probabilities: 1 10\n"


PYTHON = """
    import json, os, pickle, sys
    from pathlib import Path
    import numpy as np
    import digits

    image = np.load("image.npy")
    own = digits.Model()
    found = own.predict(image=image).probabilities
    print(json.dumps(found.tolist()))
    model = digits.Model.from_file("copy.weights")
    os.chdir("/")
    archive = digits.Model.from_npz(sys.argv[1])
    for same in (model, archive, *(pickle.loads(pickle.dumps(m)) for m in (own, model, archive))):
        assert (same.predict(image=image).probabilities == found).all()
    for path in sys.argv[2:]:
        try:
            digits.Model.from_file(path)
        except Exception as error:
            print(f"{type(error).__name__}: {error}")
    package = Path(digits.__file__).with_name("digits.weights")
    package.rename(package.with_name("gone"))
    digits.Model().predict(image=image)  # it was read
"""
GONE = "import digits\ntry:\n    digits.Model()\nexcept FileNotFoundError as error:\n    print(error)\n"


@pytest.mark.slow
@pytest.mark.hosts
def test_python(tmp_path: Path) -> None:
    made = hosted("python", onnx_models.digits(), "digits")
    assert made.dist is not None
    venv.create(tmp_path / "environment", system_site_packages=True, with_pip=True)
    interpreter = tmp_path / "environment" / "bin" / "python"
    (wheel,) = made.dist.glob("*.whl")
    run([interpreter, "-m", "pip", "install", "-q", "--no-deps", wheel])
    image = images(3)
    np.save(tmp_path / "image.npy", image)
    weights = made.shell / "python" / "digits" / "digits.weights"
    shutil.copyfile(weights, tmp_path / "copy.weights")
    bad = list(Files(weights, tmp_path))
    archive = made.project.crate / "model" / "model_weights.npz"
    numpy = {"PYTHONPATH": str(Path(np.__file__).parents[1])}
    program = [interpreter, "-c", textwrap.dedent(PYTHON), archive, *(path for path, _ in bad)]
    first, *said = run(program, cwd=tmp_path, env=os.environ | numpy).splitlines()
    close(json.loads(first), image)
    for line, (path, problem) in zip(said, bad, strict=True):
        kind = "FileNotFoundError" if path.name == "none" else "ValueError"
        assert line.startswith(f"{kind}: {path}: {problem}"), line
    gone = run([interpreter, "-c", GONE], cwd=tmp_path, env=os.environ | numpy)
    assert gone == "the package `digits` has no file of weights: give one to Model.from_file\n"
    (tmp_path / "user.py").write_text("import digits\nx: digits.Model = digits.Model.from_file('a')\n", encoding="utf-8")
    checked = {"MYPYPATH": str(made.shell / "python")}
    run([sys.executable, "-m", "mypy", "--strict", tmp_path / "user.py"], env=os.environ | checked, cwd=tmp_path)


WASM = """
import { readFileSync, openAsBlob } from "node:fs";
import { load, compile } from "PACKAGE";

const pixels = readFileSync("IMAGE");
const image = new Float32Array(pixels.buffer.slice(pixels.byteOffset, pixels.byteOffset + pixels.length));
const show = (model) => console.log(JSON.stringify([...model.predict({ image }).probabilities.data]));
const own = new URL("digits.weights", "PACKAGE");
show(await load());
show(await load({ weights: own, module: await compile() }));
const file = readFileSync(own);
show(await load({ weights: file }));
show(await load({ weights: Promise.resolve(file.buffer.slice(file.byteOffset, file.byteOffset + file.length)) }));
show(await load({ weights: new Response(file), module: new URL("digits.scalar.wasm", "PACKAGE") }));
show(await load({ weights: await openAsBlob(own) }));
const said = (options) => load(options).then(() => console.log("fine"), (error) => console.log(String(error)));
for (const path of FILES) await said({ weights: new URL(path, "file://") });
await said({ weights: Buffer.concat([file, Buffer.alloc(64)]) });
await said({ weights: new Response("no", { status: 404, statusText: "Not Found" }) });
await said({ weights: new Response() });
await said({ weights: 7 });
await said(own);
"""


@pytest.mark.slow
@pytest.mark.hosts
@need("node")
def test_wasm(tmp_path: Path) -> None:
    made = hosted("wasm", onnx_models.digits(), "digits")
    assert made.dist is not None
    image, known = images(3), files(made, tmp_path)
    (tmp_path / "image").write_bytes(image.tobytes())
    bad = list(known)
    text = WASM.replace("PACKAGE", (made.dist / "index.js").as_uri()).replace("IMAGE", str(tmp_path / "image"))
    (tmp_path / "test.mjs").write_text(text.replace("FILES", json.dumps([str(path) for path, _ in bad])), encoding="utf-8")
    lines = run(["node", "--no-warnings", tmp_path / "test.mjs"]).splitlines()
    for line in lines[:6]:
        close(json.loads(line), image)
    missing, *said = lines[6:]
    assert missing.startswith("Error: ENOENT: no such file or directory"), missing
    for line, (_, problem) in zip(said, bad[1:], strict=False):
        assert line.startswith(f"RangeError: the weights in memory: {problem}"), line
    size = known.good.stat().st_size
    assert said[len(bad) - 1 :] == [
        f"RangeError: the weights in memory: has {size + 64} bytes, the weights of this model are {size}: is it a whole copy?",
        "Error: : 404 Not Found",
        f"RangeError: the weights in memory: {OTHER}",
        "TypeError: weights: is Number, an address, a Response or bytes are needed",
        "TypeError: load: is URL, { module, weights } is needed",
    ]


@pytest.mark.slow
@pytest.mark.hosts
def test_server(tmp_path: Path) -> None:
    made = hosted("server", onnx_models.digits(), "digits")
    assert made.dist is not None
    program, image, known = made.dist / "digits-server", images(3), files(made, tmp_path)
    shutil.copyfile(known.good, tmp_path / "copy.weights")
    for options in ([], ["--weights", str(tmp_path / "copy.weights")]):
        server = Server(program, *options)
        try:
            close(server.predict(image=image.tolist())["probabilities"], image)
        finally:
            server.process.kill()
            server.process.communicate()
    for path, problem in known:
        done = subprocess.run([program, "--weights", path], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: {path}: {problem}"), done.stderr
        assert done.stderr.endswith("(--weights PATH says where the file is)\n")


@pytest.mark.slow
@pytest.mark.hosts
def test_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq, pa = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    for name, value in test_score_program.QUICK.items():
        monkeypatch.setenv(f"CARGO_PROFILE_RELEASE_{name}", value)
    models = [tmp_path / f"score{seed}.onnx" for seed in (1, 2)]
    for seed, model in enumerate(models, 1):
        model.write_bytes(onnx_models.score(seed=seed).SerializeToString())
    cache, options = test_score_program.CACHE, Options(verbosity=-1, weights="external")
    x = test_score_program.rows(50)
    pq.write_table(pa.table({"features": list(x)}), tmp_path / "rows.parquet")

    def scores(file: Path) -> Any:
        return pq.read_table(file).column(0).to_numpy()

    def expected(seed: int) -> Any:
        return np.asarray(Reference(onnx_models.score(seed=seed)).run({"features": x})[0])[:, 0]

    onnx2rust.score(models[0], tmp_path / "rows.parquet", tmp_path / "out.parquet", options, Tables(cache=cache))
    np.testing.assert_allclose(scores(tmp_path / "out.parquet"), expected(1), rtol=1e-5, atol=1e-6)
    program, retrained = (scoring.program_of(model, options, Tables(cache=cache), lambda _: None) for model in models)
    assert program.with_suffix(".weights").is_file()

    def run_it(weights: Path, out: str = "other.parquet") -> subprocess.CompletedProcess[str]:
        command: list[Any] = [program, "--quiet", "--weights", weights, tmp_path / "rows.parquet", tmp_path / out]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    # weights of another training are the other model's answers
    assert run_it(retrained.with_suffix(".weights")).returncode == 0
    np.testing.assert_allclose(scores(tmp_path / "other.parquet"), expected(2), rtol=1e-5, atol=1e-6)
    for path, problem in Files(program.with_suffix(".weights"), tmp_path):
        done = run_it(path, "none.parquet")
        assert done.returncode == (2 if path.name == "none" else 3)
        assert done.stderr.startswith(f"error: {'usage' if path.name == 'none' else 'invalid data'}"), done.stderr
        assert f"{path}: {problem}" in done.stderr
        assert "give the file that the build of this program has made: --weights PATH" in done.stderr
    # beside the program
    command: list[Any] = [program, "--quiet", tmp_path / "rows.parquet", tmp_path / "none.parquet"]
    alone = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert alone.returncode == 2
    (name,) = {line.split("/")[-1].split(":")[0] for line in alone.stderr.decode().splitlines() if ".weights: " in line}
    (tmp_path / "bin").mkdir()
    shutil.copy(program, tmp_path / "bin" / "program")
    shutil.copyfile(program.with_suffix(".weights"), tmp_path / "bin" / name)
    run([tmp_path / "bin" / "program", "--quiet", tmp_path / "rows.parquet", tmp_path / "beside.parquet"])
    assert (tmp_path / "beside.parquet").read_bytes() == (tmp_path / "out.parquet").read_bytes()
