"""The host `c`: what C programs get from it are onnxruntime's numbers, and errors they can read."""

from __future__ import annotations

import shutil
import subprocess
import sys
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
from onnx2rust import hosts
from onnx2rust.base import options
from onnx2rust.base.errors import ToolError, UnsupportedError
from onnx2rust.base.options import Options
from onnx2rust.hosts import c, shells
from onnx2rust.model.reference import Reference

BUILD = rust_tools.BUILD / "hosts_c"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
needs_c = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
DIGITS = r"""
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "digits.h"

enum { THREADS = 4, BATCH = 3, RUNS = 5 };
static float image[BATCH * 64];
static float found[THREADS][BATCH * 10];

static void *work(void *place) {
    digits_session *session = digits_open();
    for (int run = 0; run < RUNS; run++) {
        digits_inputs inputs = {image, sizeof image / sizeof *image};
        digits_outputs outputs;
        if (digits_predict(session, &inputs, &outputs)) { puts(digits_error(session)); exit(1); }
        if (outputs.probabilities_shape[0] != BATCH || outputs.probabilities_shape[1] != 10) exit(2);
        memcpy(place, outputs.probabilities, sizeof found[0]);
    }
    digits_close(session);
    return NULL;
}

static void refused(digits_session *session, const digits_inputs *inputs, digits_outputs *outputs) {
    int code = digits_predict(session, inputs, outputs);
    printf("%d %s\n", code, digits_error(session));
}

int main(void) {
    if (fread(image, sizeof image, 1, stdin) != 1) return 3;
    pthread_t threads[THREADS];
    for (int k = 0; k < THREADS; k++) pthread_create(&threads[k], NULL, work, found[k]);
    for (int k = 0; k < THREADS; k++) pthread_join(threads[k], NULL);
    for (int k = 0; k < THREADS; k++) for (int i = 0; i < BATCH * 10; i++) printf("%.9g\n", (double)found[k][i]);
    digits_session *session = digits_open();
    digits_outputs outputs;
    digits_inputs short_ = {image, 63}, none = {NULL, 64}, askew = {(const float *)((const char *)image + 1), 64};
    digits_inputs empty = {NULL, 0}, huge = {image, (size_t)-1}, right = {image, 64};
    refused(session, &short_, &outputs);
    refused(session, &none, &outputs);
    refused(session, &askew, &outputs);
    refused(session, &huge, &outputs);
    refused(session, NULL, &outputs);
    refused(session, &right, NULL);
    refused(NULL, &right, &outputs);
    refused(session, &right, &outputs);
    refused(session, &empty, &outputs);
    digits_close(session);
    digits_close(NULL);
    return 0;
}
"""


def run(command: list[str], **more: Any) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(command, capture_output=True, check=False, timeout=300, **more)
    assert done.returncode == 0, f"{command}: {done.stdout.decode()}{done.stderr.decode()}"
    return done


def hosted(proto: onnx.ModelProto, name: str, *, build: bool = True) -> onnx2rust.Hosted:
    out = BUILD / name
    shutil.rmtree(out, ignore_errors=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    source = BUILD / f"{name}.onnx"
    source.write_bytes(proto.SerializeToString())
    return onnx2rust.host("c", source, out, Options(name=name, binary_classification=False), build=build)


def compiled(made: onnx2rust.Hosted, text: str, *flags: str, compiler: str = "cc") -> Path:
    """A program linked with the static library."""
    assert made.dist is not None
    name = made.project.crate_name
    source = made.shell / ("test.cc" if compiler == "c++" else "test.c")
    source.write_text(text, encoding="utf-8")
    program = made.shell / "test"
    libraries = [str(made.dist / "lib" / f"lib{name}.a"), "-lpthread", "-ldl", "-lm"]
    run([compiler, *flags, *WARNINGS, f"-I{made.dist / 'include'}", str(source), *libraries, "-o", str(program)])
    return program


@pytest.mark.slow
@pytest.mark.hosts
@needs_c
def test_threads_get_onnxruntimes_numbers_and_errors_are_words() -> None:
    proto = onnx_models.digits()
    made = hosted(proto, "digits")
    program = compiled(made, DIGITS, "-std=c11", "-g")
    image = np.random.default_rng(3).random((3, 1, 8, 8), np.float32)
    (expected,) = Reference(proto).run({"image": image})
    checked = [str(program)]
    if shutil.which("valgrind"):
        checked = ["valgrind", "-q", "--error-exitcode=9", "--leak-check=full", *checked]
    lines = run(checked, input=image.tobytes()).stdout.decode().splitlines()
    found = np.array(lines[: 4 * expected.size], np.float32).reshape(4, *expected.shape)
    np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), rtol=5e-6, atol=5e-6)
    assert lines[4 * expected.size :] == [
        "-1 input `image` has 63 elements, its shape needs 64",
        "-1 input `image`: the pointer is NULL or not aligned",
        "-1 input `image`: the pointer is NULL or not aligned",
        f"-1 input `image`: {2**64 - 1} elements are more than memory can hold",
        "-1 inputs is NULL",
        "-1 outputs is NULL",
        "-1 session is NULL",
        "0 ",
        "0 ",
    ]


@pytest.mark.slow
@pytest.mark.hosts
@needs_c
def test_the_example_runs_as_the_readme_says() -> None:
    made = hosted(onnx_models.text(), "text")
    assert made.dist is not None
    program = compiled(made, (made.shell / "examples" / "predict.c").read_text(encoding="utf-8"), "-std=c11")
    assert b":" in run([str(program)]).stdout
    if shutil.which("pkg-config"):
        path = {"PKG_CONFIG_PATH": str(made.dist / "lib" / "pkgconfig"), "PATH": "/usr/bin:/bin"}
        flags = run(["pkg-config", "--cflags", "--libs", "text"], env=path).stdout.decode().split()
        shared = made.shell / "shared"
        run(["cc", str(made.shell / "examples" / "predict.c"), *flags, "-o", str(shared)])
        run([str(shared)], env={"LD_LIBRARY_PATH": str(made.dist / "lib")})


WORDS = r"""
#include <stdio.h>
#include "words.h"

static void say(words_session *session, const words_inputs *inputs) {
    words_outputs outputs;
    if (words_predict(session, inputs, &outputs)) { printf("-1 %s\n", words_error(session)); return; }
    printf("%zu", outputs.both_shape[0]);
    for (size_t k = 0; k < outputs.both_shape[0]; k++) printf(" %s|%s", outputs.both[k], outputs.same[k]);
    puts("");
}

int main(void) {
    static const char *const a[2] = {"Stra\303\237e ", ""}, *const b[2] = {"7", "\360\237\230\200"};
    static const char *const none[2] = {"x", NULL}, *const wrong[2] = {"\377", "x"};
    words_session *session = words_open();
    words_inputs inputs = {a, 2, b, 2};
    say(session, &inputs);
    inputs.b = none;
    say(session, &inputs);
    inputs.b = wrong;
    say(session, &inputs);
    inputs.b_len = 1;
    inputs.b = b;
    say(session, &inputs);
    inputs.a_len = inputs.b_len = 0;
    say(session, &inputs);
    words_close(session);
    return 0;
}
"""


@pytest.mark.slow
@pytest.mark.hosts
@needs_c
def test_strings() -> None:
    texts = [helper.make_tensor_value_info(name, TensorProto.STRING, ["n"]) for name in ("a", "b", "both", "same")]
    nodes = [helper.make_node("StringConcat", ["a", "b"], ["both"]), helper.make_node("Identity", ["b"], ["same"])]
    graph = helper.make_graph(nodes, "g", texts[:2], texts[2:])
    made = hosted(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), "words")
    checked = [str(compiled(made, WORDS, "-std=c11", "-g"))]
    if shutil.which("valgrind"):
        checked = ["valgrind", "-q", "--error-exitcode=9", "--leak-check=full", *checked]
    assert run(checked).stdout.decode().splitlines() == [
        "2 Straße 7|7 😀|😀",
        "-1 input `b`: string 1 is NULL",
        "-1 input `b`: string 0 is not UTF-8",
        "-1 input `b` has 1 elements, its shape needs 2",
        "0",
    ]
    example = compiled(made, (made.shell / "examples" / "predict.c").read_text(encoding="utf-8"), "-std=c11")
    assert run([str(example)]).stdout == b"both: 1\nsame: 1\n"


TWO = r"""
#include <stdio.h>
#include "score.h"
#include "text.h"

int main(void) {
    static const float features[10] = {1};
    static const int64_t tokens[3] = {1, 2, 3};
    score_inputs rows = {features, 10};
    text_inputs words = {tokens, 3};
    text_sizes sizes = {1, 3};
    score_outputs probability;
    text_outputs classes;
    score_session *one = score_open();
    text_session *other = text_open();
    if (score_predict(one, &rows, &probability)) { puts(score_error(one)); return 3; }
    if (text_predict(other, &sizes, &words, &classes)) { puts(text_error(other)); return 4; }
    words.tokens_len = 2;
    if (!text_predict(other, &sizes, &words, &classes)) return 5;
    printf("%.9g\n%s\n%s\n", (double)probability.probability[0], score_error(one), text_error(other));
    score_close(one);
    text_close(other);
    return 0;
}
"""


@pytest.mark.slow
@pytest.mark.hosts
@needs_c
def test_libraries_of_two_models_serve_one_program() -> None:
    models = {"score": onnx_models.score(), "text": onnx_models.text()}
    folders = {name: hosted(proto, name).dist for name, proto in models.items()}
    source = BUILD / "two.c"
    source.write_text(TWO, encoding="utf-8")
    features = np.eye(1, 10, dtype=np.float32)
    (expected,) = Reference(models["score"]).run({"features": features})
    for form in ("a", "so"):
        libraries = [f"{folder}/lib/lib{name}.{form}" for name, folder in folders.items()]
        include = [f"-I{folder}/include" for folder in folders.values()]
        program = BUILD / f"two-{form}"
        run(["cc", "-std=c11", *WARNINGS, *include, str(source), *libraries, "-lpthread", "-ldl", "-lm", "-o", str(program)])
        path = ":".join(f"{folder}/lib" for folder in folders.values())
        first, *errors = run([str(program)], env={"LD_LIBRARY_PATH": path}).stdout.decode().splitlines()
        assert float(first) == pytest.approx(float(expected.ravel()[0]), abs=5e-6)
        assert errors == ["", "input `tokens` has 2 elements, its shape needs 3"]


@pytest.mark.slow
@pytest.mark.hosts
@needs_c
def test_every_element_type_and_bools_that_are_none() -> None:
    kinds = ["FLOAT", "DOUBLE", "FLOAT16", "BOOL", "INT8", "UINT8", "INT16", "UINT16", "INT32", "UINT32", "INT64", "UINT64"]
    types = {k.lower(): getattr(TensorProto, k) for k in kinds}
    inputs = [helper.make_tensor_value_info(n, t, ["n", 2]) for n, t in types.items()]
    outputs = [helper.make_tensor_value_info(f"{n}_out", t, ["n", 2]) for n, t in types.items()]
    nodes = [helper.make_node("Identity", [n], [f"{n}_out"]) for n in types]
    proto = helper.make_model(
        helper.make_graph(nodes, "g", inputs, outputs), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    made = hosted(proto, "kinds")
    fields = [f"{'n' if n[0].isdigit() else ''}{n}{'_' * (n in ('float', 'double', 'bool'))}" for n in types]
    lines = [f"    static const {_c(n)} {f}v[2] = {{1, 0}}; inputs.{f} = {f}v; inputs.{f.rstrip('_')}_len = 2;"
             for n, f in zip(types, fields, strict=True)]  # fmt: skip
    checks = [f"    if (outputs.{n}_out[0] != 1 || outputs.{n}_out[1] != 0) return 4;" for n in types]
    program = compiled(
        made,
        "\n".join([
            '#include <stdio.h>', '#include "kinds.h"', "int main(void) {",
            "    kinds_session *session = kinds_open(); kinds_inputs inputs; kinds_outputs outputs;", *lines,
            "    if (kinds_predict(session, &inputs, &outputs)) { puts(kinds_error(session)); return 3; }", *checks,
            "    static const unsigned char wrong[2] = {1, 2}; inputs.bool_ = (const bool *)wrong;",
            "    kinds_predict(session, &inputs, &outputs); puts(kinds_error(session)); kinds_close(session); return 0;", "}",
        ]),
        compiler="c++",
    )  # fmt: skip
    assert run([str(program)]).stdout.decode() == "input `bool_`: a bool is neither 0 nor 1\n"


def _c(name: str) -> str:
    plain = {"float": "float", "double": "double", "float16": "uint16_t", "bool": "bool"}
    return plain.get(name, f"{name}_t")


@pytest.mark.slow
@pytest.mark.hosts
@needs_c
@pytest.mark.parametrize("text", ["block comment end", "backslash", "newline", "double quote", "template", "non-ASCII"])
def test_hostile_names_stay_in_their_places(text: str) -> None:
    made = hosted(hostile.model(hostile.TEXTS[text]), "hostile", build=False)
    header = next((made.shell / "include").iterdir())
    run(["cc", "-std=c11", *WARNINGS, "-fsyntax-only", "-x", "c", str(header)])
    run(["c++", *WARNINGS, "-fsyntax-only", "-x", "c++", str(header)])
    assert "escaped()" not in header.read_text(encoding="utf-8").replace("pub fn escaped() {}", "")


STATE = r"""
#include <stdio.h>
#include <string.h>
#include "state.h"

int main(void) {
    static const float x[3] = {0.5F, -1, 2};
    float state[3] = {1, 2, 3};
    state_session *session = state_open();
    state_inputs inputs = {x, 3, state, 3};
    state_outputs outputs;
    for (int step = 0; step < 4; step++) {
        if (state_predict(session, &inputs, &outputs)) { puts(state_error(session)); return 3; }
        for (int k = 0; k < 3; k++) printf("%.9g ", (double)outputs.next[k]);
        inputs.state = outputs.next;
        int code = state_predict(session, &inputs, &outputs);
        printf("%d %s\n", code, state_error(session));
        inputs.state = outputs.next + 2;
        inputs.state_len = inputs.x_len = 1;
        printf("%d\n", state_predict(session, &inputs, &outputs));
        inputs.state_len = inputs.x_len = 3;
        memcpy(state, outputs.next, sizeof state);
        inputs.state = state;
    }
    state_close(session);
    return 0;
}
"""


@pytest.mark.slow
@pytest.mark.hosts
@needs_c
def test_an_output_is_no_input_of_the_next_call_but_its_copy_is() -> None:
    """It would be overwritten before it is read."""
    names = ("x", "state", "next")
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in names]
    nodes = [
        helper.make_node("Exp", ["x"], ["e"]),
        helper.make_node("Tanh", ["e"], ["t"]),
        helper.make_node("Mul", ["t", "state"], ["next"]),
    ]
    graph = helper.make_graph(nodes, "g", infos[:2], infos[2:])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    lines = run([str(compiled(hosted(proto, "state"), STATE, "-std=c11"))]).stdout.decode().splitlines()
    state, reference = np.array([1, 2, 3], np.float32), Reference(proto)
    for first, part in zip(lines[::2], lines[1::2], strict=True):
        (state,) = reference.run({"x": np.array([0.5, -1, 2], np.float32), "state": state})
        *found, said = first.split(" ", 3)
        np.testing.assert_allclose(np.array(found, np.float32), state, rtol=5e-6)
        assert said == "-1 input `state` lies in the outputs of the last call, which this one overwrites: copy it first"
        assert part == "-1"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("features", "a header of the system is called features.h"),
        ("string", "a header of the system is called string.h"),
        ("sem", "functions of the system begin with sem_"),
        ("gcc", "a library of the system is called gcc"),
    ],
)
def test_a_name_that_the_system_has_is_refused(name: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.onnx"
    onnx.save(onnx_models.score(), path)
    with pytest.raises(UnsupportedError) as refused:
        onnx2rust.host("c", path, tmp_path / "out", Options(name=name))
    hint = "give the crate another name with --crate-name"
    assert str(refused.value).splitlines() == [f"{path}: --host c: {said}", f"    → {hint}"]


@needs_c
@pytest.mark.skipif(sys.platform != "linux", reason="headers of the GNU C library")
def test_headers_of_the_system_that_a_name_would_hide_are_known(tmp_path: Path) -> None:
    """Those that the compiler reads for any header that C has, by every name that a crate can have."""
    standard = [
        "stdio",
        "stdlib",
        "string",
        "math",
        "time",
        "signal",
        "locale",
        "limits",
        "inttypes",
        "wctype",
        "threads",
        "uchar",
    ]
    posix = ["unistd", "pthread", "semaphore", "regex", "netdb", "spawn", "sys/mman", "sys/socket", "sys/wait"]
    source = tmp_path / "all.c"
    source.write_text("".join(f"#include <{name}.h>\n" for name in standard + posix), encoding="utf-8")
    read = run(["cc", "-M", str(source)]).stdout.decode().replace("\\\n", " ").split()
    names = {Path(file).stem for file in read if Path(file).suffix == ".h" and Path(file).parent.name == "include"}
    assert {"features", "alloca", "stdio"} <= names
    assert {name for name in names if name.isidentifier()} <= c._HEADERS | c._SYSTEM


def test_the_command_line_lists_the_hosts_that_there_are() -> None:
    assert tuple(hosts.HOSTS) == options.HOSTS


def test_a_build_that_has_made_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"libx\.so: cannot be copied: No such file or directory"):
        shells.copied(tmp_path, tmp_path / "dist", {"libx.so": "lib/libx.so"})


def test_what_has_no_form_in_c_is_refused(tmp_path: Path) -> None:
    info = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, [2])
    node = helper.make_node("SequenceLength", ["s"], ["n"])
    graph = helper.make_graph([node], "g", [info], [helper.make_tensor_value_info("n", TensorProto.INT64, [])])
    path = tmp_path / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    with pytest.raises(UnsupportedError) as refused:
        onnx2rust.host("c", path, tmp_path / "out", Options(name="c"))
    assert str(refused.value).splitlines() == [
        f'{path}: --host c: "s": sequences, maps and tensors of any rank have no form in C here',
        "    → use the crate from Rust, or cut the model with --input and --output",
        f"{path}: --host c: a library of the system is called c",
        "    → give the crate another name with --crate-name",
    ]
    assert not (tmp_path / "out").exists()
