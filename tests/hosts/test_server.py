"""The host `server`: what clients get over HTTP is onnxruntime's numbers, or a problem in the crate's words."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import host_tools
import hostile
import numpy as np
import onnx
import onnx_models
import pytest
import rust_tools
from onnx import TensorProto, helper

import onnx2rust
from onnx2rust import frontends
from onnx2rust.base.errors import UnsupportedError
from onnx2rust.base.options import Options
from onnx2rust.model.reference import Reference

BUILD = rust_tools.BUILD / "hosts_server"
JSON, RAW = "application/json", "application/octet-stream"


def hosted(proto: onnx.ModelProto, name: str, *, build: bool = True) -> onnx2rust.Hosted:
    out = BUILD / name
    shutil.rmtree(out, ignore_errors=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    source = BUILD / f"{name}.onnx"
    source.write_bytes(proto.SerializeToString())
    return onnx2rust.host("server", source, out, Options(name=name, binary_classification=False), build=build)


def save(arrays: dict[str, np.ndarray[Any, Any]]) -> bytes:
    """The arrays in the format safetensors: a header in JSON, its length in front, elements behind."""
    head, place = {}, 0
    for name, array in arrays.items():
        dtype = {"float32": "F32", "float64": "F64", "bool": "BOOL", "uint8": "BOOL"}[array.dtype.name]
        head[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [place, place := place + array.nbytes]}
    text = json.dumps(head).encode()
    return len(text).to_bytes(8, "little") + text + b"".join(array.tobytes() for array in arrays.values())


def load(body: bytes) -> dict[str, np.ndarray[Any, Any]]:
    """The float32 arrays of such a body."""
    size = int.from_bytes(body[:8], "little")
    head, data = json.loads(body[8 : 8 + size]), body[8 + size :]
    assert {entry["dtype"] for entry in head.values()} == {"F32"}
    return {name: np.frombuffer(data[slice(*e["data_offsets"])], np.float32).reshape(e["shape"]) for name, e in head.items()}


class Server:
    """A server that runs, and requests to it."""

    def __init__(self, program: Path, *options: str) -> None:
        command = [str(program), "--listen", "127.0.0.1:0", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.port = int(line.rpartition(":")[2])

    def ask(self, method: str, path: str, body: Any = None, kind: str | None = JSON) -> tuple[int, str, bytes]:
        """Status, content type and body of an answer."""
        return self.send(method, path, body, {"Content-Type": kind} if kind else {})

    def send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, str, bytes]:
        """The same, with all headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers["Content-Type"], answer.read()
        finally:
            connection.close()

    def predict(self, **inputs: Any) -> Any:
        status, kind, body = self.ask("POST", "/predict", json.dumps(inputs))
        assert (status, kind) == (200, JSON), body
        return json.loads(body)

    def problem(self, body: Any, kind: str | None = JSON) -> tuple[int, str]:
        status, told, text = self.ask("POST", "/predict", body, kind)
        assert told == "application/problem+json"
        problem = json.loads(text)
        assert problem["status"] == status
        return status, problem["detail"]

    def number(self, name: str) -> float:
        """A number of /metrics."""
        lines = self.ask("GET", "/metrics")[2].decode().splitlines()
        return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])


@contextlib.contextmanager
def running(made: onnx2rust.Hosted, *options: str) -> Iterator[Server]:
    assert made.dist is not None
    server = Server(made.dist / f"{made.project.crate_name}-server", *options)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.communicate()


@pytest.fixture(scope="module")
def digits() -> onnx2rust.Hosted:
    return hosted(onnx_models.digits(), "digits")


def close(found: Any, proto: onnx.ModelProto, **inputs: np.ndarray[Any, Any]) -> None:
    (expected,) = Reference(proto).run(inputs)
    np.testing.assert_allclose(np.array(found, np.float32), expected, rtol=5e-6, atol=5e-6)


@pytest.mark.slow
@pytest.mark.hosts
def test_numbers_in_both_forms_and_what_is_refused(digits: onnx2rust.Hosted) -> None:
    proto = onnx_models.digits()
    with running(digits, "--body", "100000", "--patience", "1") as server:
        for batch in (1, 3, 0):
            image = np.random.default_rng(batch).random((batch, 1, 8, 8), np.float32)
            if batch:
                close(server.predict(image=image.tolist())["probabilities"], proto, image=image)
            status, kind, body = server.ask("POST", "/predict", save({"image": image}), RAW)
            assert (status, kind) == (200, RAW), body
            close(load(body)["probabilities"], proto, image=image)
        assert server.predict(image=[]) == {"probabilities": []}

        right = np.zeros((1, 1, 8, 8), np.float32)
        assert server.problem("{") == (400, "the body: EOF while parsing an object at line 1 column 1")
        assert server.problem("[]")[1].startswith(
            "the body: invalid type: sequence, expected an object with the model's inputs by name"
        )
        assert server.problem("{}") == (400, "input `image` is missing")
        assert server.problem('{"image": [[1, "x"]]}') == (400, "the body: a string is no float32 at line 1 column 18")
        assert server.problem('{"image": [[1, 2], [3]]}') == (
            400,
            "the body: a list of 1 where others have 2 at line 1 column 22",
        )
        assert server.problem('{"image": [1, [2]]}') == (400, "the body: a list among numbers at line 1 column 15")
        assert server.problem('{"image": [[1], 2]}') == (400, "the body: a number among lists at line 1 column 17")
        assert server.problem('{"image": [null]}')[1].startswith("the body: invalid type: null, expected nested lists of float32")
        assert server.problem('{"image": [], "image": []}') == (400, "the body: `image` stands there twice at line 1 column 21")
        assert server.problem('{"picture": []}') == (
            400,
            "the body: no input is called `picture`, the model has `image` at line 1 column 10",
        )
        assert server.problem(f'{{"image": {"[" * 200}{"]" * 200}}}')[1].startswith("the body: recursion limit exceeded")
        assert server.problem(json.dumps({"image": right[:, :, :7].tolist()})) == (
            400,
            "input `image`: axis 2 is 7, the model needs 8",
        )
        assert server.problem(json.dumps({"image": [0] * 63})) == (
            400,
            "input `image`: 63 elements do not fill the model's shape (64 a sample)",
        )
        assert server.problem(save({"image": right.astype(np.float64)}), RAW) == (
            400,
            "input `image`: is float64, the model needs float32",
        )
        assert server.problem(save({"picture": right}), RAW) == (
            400,
            "input `image` is missing; no input is called `picture`, the model has `image`",
        )
        assert server.problem(b"noise", RAW)[1].startswith("the body is not safetensors: ")
        head = b'{"image":{"dtype":"F32","shape":[1000000000000,0],"data_offsets":[0,0]}}'
        assert server.problem(len(head).to_bytes(8, "little") + head, RAW) == (
            400,
            "`image` has the shape [1000000000000, 0], more than the body holds",
        )
        assert server.problem(" " * 100_001) == (
            413,
            "Failed to buffer the request body: length limit exceeded, at most 100000 bytes are read",
        )
        kinds = "Content-Type must be application/json or application/octet-stream (safetensors)"
        assert server.problem("{}", "text/csv") == (415, kinds)
        assert server.problem("{}", None) == (415, kinds)
        for method, path, status in (
            ("GET", "/predict", 405),
            ("POST", "/", 405),
            ("OPTIONS", "/predict", 405),
            ("GET", "/x", 404),
        ):
            code, told, text = server.ask(method, path)
            assert (code, told) == (status, "application/problem+json")
            assert json.loads(text)["detail"] == "there is POST /predict, and GET of /, /healthz, /readyz and /metrics"
        assert server.ask("HEAD", "/readyz") == (200, "text/plain; charset=utf-8", b"")
        zipped = {"Content-Type": JSON, "Content-Encoding": "gzip"}
        status, _, text = server.send("POST", "/predict", gzip.compress(b'{"image": []}'), zipped)
        detail = "Content-Encoding gzip is not read here: send the body as it is"
        assert (status, json.loads(text)["detail"]) == (415, detail)
        assert server.send("POST", "/predict", b'{"image": []}', {"Content-Type": JSON, "Content-Encoding": "identity"})[0] == 200
        assert server.send("POST", "/predict", iter([b'{"ima', b'ge": []}']), {"Content-Type": JSON})[0] == 200
        assert server.ask("POST", "/predict", b'{"image": []}' + b" " * (100_000 - 13))[0] == 200
        with socket.create_connection(("127.0.0.1", server.port)) as slow:
            slow.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
            assert b" 408 " in slow.recv(100)

        assert json.loads(server.ask("GET", "/")[2]) == {
            "model": "digits",
            "inputs": [{"name": "image", "type": "float32", "shape": ["batch", "1", "8", "8"]}],
            "outputs": [{"name": "probabilities", "type": "float32", "shape": ["batch", "10"]}],
            "labels": {},
            "body_bytes": 100000,
            "runs_requests_together": True,
        }
        assert server.ask("GET", "/healthz")[::2] == (200, b"alive\n")
        assert server.number('predict_requests_total{status="200"}') == 9
        assert server.number('predict_requests_total{status="413"}') == 1
        assert server.number("predict_open") == 0


@pytest.mark.slow
@pytest.mark.hosts
def test_requests_that_wait_run_together(digits: onnx2rust.Hosted) -> None:
    proto = onnx_models.digits()
    images = [np.random.default_rng(k).random((1 + k % 3, 1, 8, 8), np.float32) for k in range(24)]
    with running(digits, "--workers", "2", "--wait", "200000", "--batch", "16") as server:
        with ThreadPoolExecutor(24) as clients:
            answers = list(clients.map(lambda image: server.predict(image=image.tolist()), images))
        for image, answer in zip(images, answers, strict=True):
            close(answer["probabilities"], proto, image=image)
        assert server.number("predict_samples_sum") == sum(len(image) for image in images)
        runs = server.number("predict_samples_count")
        assert 3 <= runs <= 12, runs
        assert server.number('predict_samples_bucket{le="16.0"}') == runs


@pytest.mark.slow
@pytest.mark.hosts
def test_too_many_requests_and_a_stop_while_some_are_open(digits: onnx2rust.Hosted) -> None:
    image = np.random.default_rng(1).random((1, 1, 8, 8), np.float32)
    with running(digits, "--wait", "3000000", "--open", "2", "--workers", "1", "--drain", "1") as server:
        with ThreadPoolExecutor(2) as clients:
            open_ = [clients.submit(server.predict, image=image.tolist()) for _ in range(2)]
            while server.number("predict_open") < 2:
                time.sleep(0.01)
            assert server.problem(json.dumps({"image": image.tolist()})) == (503, "2 requests are open: try again")
            assert server.ask("GET", "/readyz")[0] == 200
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            status, _, body = server.ask("GET", "/readyz")
            assert (status, json.loads(body)["detail"]) == (503, "the server is stopping")
            for answer in open_:
                close(answer.result()["probabilities"], onnx_models.digits(), image=image)
        assert server.process.wait(timeout=30) == 0
        with pytest.raises(ConnectionRefusedError):
            server.ask("GET", "/healthz")
    with running(digits, "--grace", "0") as server:
        with socket.create_connection(("127.0.0.1", server.port)) as half:
            half.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
            while server.number("predict_open") < 1:
                time.sleep(0.01)
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(timeout=30) == 1
        assert server.process.stderr is not None
        assert server.process.stderr.read() == "error: requests were open after 0 s: cut off\n"


@pytest.mark.slow
@pytest.mark.hosts
def test_clients_that_go_away_are_counted_out_and_fill_no_queue(digits: onnx2rust.Hosted) -> None:
    """What they asked for has its place until a worker comes to it."""
    image = np.random.default_rng(1).random((1, 1, 8, 8), np.float32)
    body = json.dumps({"image": image.tolist()}).encode()
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    with running(digits, "--wait", "3000000", "--open", "2", "--workers", "1") as server:
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", server.port)) as gone:
                gone.sendall(head % len(body) + body)
                while server.number("predict_open") < 1:
                    time.sleep(0.01)
            while server.number("predict_open") > 0:
                time.sleep(0.01)
        assert server.problem(body) == (503, "2 requests are open: try again")
        while (answer := server.ask("POST", "/predict", body))[0] == 503:
            time.sleep(0.1)
        close(json.loads(answer[2])["probabilities"], onnx_models.digits(), image=image)
        assert server.number("predict_samples_count") == 1


@pytest.mark.slow
@pytest.mark.hosts
def test_numbers_at_the_ends_of_their_types() -> None:
    """JSON has the nearest number, and none that is too large; safetensors may be empty, whatever other sizes are."""
    kinds = {
        "wide": TensorProto.FLOAT,
        "double": TensorProto.DOUBLE,
        "half": TensorProto.FLOAT16,
        "flag": TensorProto.BOOL,
        "whole": TensorProto.INT64,
    }
    infos = [helper.make_tensor_value_info(name, kind, ["n", 1000]) for name, kind in kinds.items()]
    outputs = [helper.make_tensor_value_info(f"{name}_out", kind, ["n", 1000]) for name, kind in kinds.items()]
    nodes = [helper.make_node("Identity", [name], [f"{name}_out"]) for name in kinds]
    graph = helper.make_graph(nodes, "g", infos, outputs)
    made = hosted(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "ends")
    drawn = np.random.default_rng(0).integers(0, 2**64, 4000, np.uint64).view(np.float64)
    doubles = drawn[np.isfinite(drawn)][:1000][None]
    given: dict[str, Any] = {
        "wide": [[0] * 1000],
        "double": doubles.tolist(),
        "half": [[1 + 2**-11 + 2**-40] + [0] * 999],
        "flag": [[False] * 1000],
        "whole": [[-0x8000000000000000] * 1000],
    }
    with running(made) as server:
        found = server.predict(**given)
        assert np.array(found["double_out"]).tobytes() == doubles.tobytes()
        assert found["whole_out"] == given["whole"]
        assert np.float16(found["half_out"][0][0]) == 1 + 2**-10  # 1 + 2⁻¹¹ in single precision, which is even
        for name, wrong, said in (
            ("wide", "1e39", "1e39 is no float32"),
            ("half", "65520", "65520 is no float16"),
            ("half", "-1e5", "-100000.0 is no float16"),
            ("whole", "3.0", "3.0 is no int64"),
            ("whole", "1e300", "1e300 is no int64"),
        ):
            told = server.problem(f'{{"{name}": [{wrong}]}}')
            assert told == (400, f"the body: {said} at line 1 column {len(name) + 6 + len(wrong)}"), told
        flags = np.full((1, 1000), 2, np.uint8)
        assert server.problem(save({"flag": flags}), RAW) == (400, "`flag` has a bool that is neither 0 nor 1")
        empty: dict[str, np.ndarray[Any, Any]] = {"wide": np.zeros((0, 1000), np.float32), "double": np.zeros((0, 1000))}
        assert server.problem(save(empty), RAW)[1] == "input `half` is missing; input `flag` is missing; input `whole` is missing"


@pytest.mark.slow
@pytest.mark.hosts
@host_tools.need("curl")
def test_the_command_of_the_documentation(digits: onnx2rust.Hosted) -> None:
    """A flat list is a sample."""
    text = (rust_tools.ROOT / "docs" / "hosts.md").read_text(encoding="utf-8")
    (command,) = (line for line in text.splitlines() if line.startswith("curl ") and "/predict" in line)
    with running(digits) as server:
        answer = subprocess.run(["bash", "-c", command.replace("8080", str(server.port))], capture_output=True, check=True).stdout
    close(json.loads(answer)["probabilities"], onnx_models.digits(), image=np.arange(1, 65, dtype=np.float32).reshape(1, 1, 8, 8))


@pytest.mark.slow
@pytest.mark.hosts
@host_tools.need("curl")
def test_the_commands_of_the_example_can_be_pasted(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    page = rust_tools.ROOT / "examples" / "server" / "README.md"
    block = page.read_text(encoding="utf-8").split("```sh\n")[1].split("```")[0]
    (tmp_path / "examples").symlink_to(rust_tools.ROOT / "examples")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    script = "trap 'kill %1' EXIT\n" + block.replace("8080", str(port))
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout[done.stdout.rindex('{"') :])
    source = frontends.load(tmp_path / "examples" / "digits" / "saved_model", Options())
    (expected,) = Reference(source.proto, source.weights).run({"image": np.full((1, 8, 8, 1), 0.5, np.float32)})
    np.testing.assert_allclose(np.array(answer["output_0"]), expected, rtol=5e-6, atol=5e-6)


@pytest.mark.slow
@pytest.mark.hosts
def test_a_port_that_is_taken_is_said(digits: onnx2rust.Hosted) -> None:
    assert digits.dist is not None
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        command = [str(digits.dist / "digits-server")]
        done = subprocess.run(command, env=os.environ | {"SERVER_LISTEN": address}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f"error: cannot listen on {address}: Address already in use (os error 98)\n"


@pytest.mark.slow
@pytest.mark.hosts
def test_every_element_type_and_names_of_the_model() -> None:
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
    inputs.append(helper.make_tensor_value_info('a "/name\\ {0}', TensorProto.FLOAT, []))
    outputs = [helper.make_tensor_value_info(f"{i.name}_out", i.type.tensor_type.elem_type, None) for i in inputs]
    nodes = [helper.make_node("Identity", [i.name], [o.name]) for i, o in zip(inputs, outputs, strict=True)]
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    made = hosted(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "kinds")
    given: dict[str, Any] = {k.lower(): [[1, 0], [3, 2]] for k in kinds}
    given |= {"bool": [[True, False], [False, True]], "string": [["a", "\n"], ["", "ä"]], 'a "/name\\ {0}': -2.5}
    given |= {"uint64": [[2**64 - 1, 0], [1, 2]], "int64": [[-(2**63), 0], [1, 2]], "double": [[1e300, 0.1], [1, 2]]}
    with running(made) as server:
        assert server.predict(**given) == {f"{name}_out": value for name, value in given.items()}
        assert not json.loads(server.ask("GET", "/")[2])["runs_requests_together"]
        for name, wrong, said in (
            ("int8", 128, "128"),
            ("int32", 1.5, "1.5"),
            ("bool", 1, "1"),
            ("uint8", -1, "-1"),
            ("float", True, "true"),
        ):
            told = server.problem(json.dumps(given | {name: [[wrong]]}))
            assert told[0] == 400
            numpy = {"float": "float32"}.get(name, name)
            assert told[1].startswith(f"the body: {said} is no {numpy} at line 1 column "), told


@pytest.mark.slow
@pytest.mark.hosts
def test_a_model_without_inputs() -> None:
    node = helper.make_node("Constant", [], ["y"], value_floats=[1.0, 2.0])
    graph = helper.make_graph([node], "g", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])])
    made = hosted(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), "constant")
    with running(made) as server:
        assert server.predict() == {"y": [1, 2]}
        assert load(server.ask("POST", "/predict", save({}), RAW)[2])["y"].tolist() == [1, 2]
        assert server.problem('{"x": 1}') == (400, "the body: no input is called `x`, the model has none at line 1 column 4")
        assert server.problem(save({"x": np.zeros(1)}), RAW) == (400, "no input is called `x`, the model has none")


@pytest.mark.parametrize("text", ["block comment end", "double quote", "newline", "backslash", "template", "braces", "non-ASCII"])
def test_hostile_names_stay_in_their_places(text: str) -> None:
    made = hosted(hostile.model(hostile.TEXTS[text]), "hostile", build=False)
    for path in (made.shell / "src").iterdir():
        assert "escaped()" not in path.read_text(encoding="utf-8").replace("pub fn escaped() {}", "")


def test_samples_are_run_together_only_where_they_are_shown_not_to_meet(tmp_path: Path) -> None:
    def together(nodes: list[onnx.NodeProto], shape: list[str | int], out: list[str | int] | None = None) -> bool:
        info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", shape), ("y", out or shape))]
        proto = helper.make_model(
            helper.make_graph(nodes, "g", info[:1], info[1:]), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
        )
        path = tmp_path / "m.onnx"
        onnx.save(proto, path)
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        made = onnx2rust.host("server", path, tmp_path / "out")
        return "TOGETHER: bool = true" in (made.shell / "src" / "request.rs").read_text(encoding="utf-8")

    assert together([helper.make_node("Softmax", ["x"], ["y"], axis=1)], ["n", 4])
    assert not together([helper.make_node("Softmax", ["x"], ["y"], axis=0)], ["n", 4])
    assert not together([helper.make_node("Relu", ["x"], ["y"])], ["n", "m"])
    assert not together([helper.make_node("Relu", ["x"], ["y"])], [2, 4])
    assert not together([helper.make_node("Transpose", ["x"], ["y"], perm=[1, 0])], ["n", 4], [4, "n"])


def test_what_has_no_form_in_http_is_refused(tmp_path: Path) -> None:
    info = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, [2])
    node = helper.make_node("SequenceLength", ["s"], ["n"])
    graph = helper.make_graph([node], "g", [info], [helper.make_tensor_value_info("n", TensorProto.INT64, [])])
    path = tmp_path / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    with pytest.raises(UnsupportedError) as refused:
        onnx2rust.host("server", path, tmp_path / "out")
    assert str(refused.value).splitlines() == [
        f'{path}: --host server: "s": sequences, maps and tensors of any rank have no form in HTTP here',
        "    → use the crate from Rust, or cut the model with --input and --output",
    ]
    assert not (tmp_path / "out").exists()
