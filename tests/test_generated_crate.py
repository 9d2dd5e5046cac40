"""What a conversion leaves behind: the same bytes every time, a crate that passes every check, weights that can be replaced.

Crates are built in `build/generated`, offline, in one target folder, so that a second run of these tests compiles little.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_models
import onnxruntime
import pytest
import rust_tools
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from rust_tools import ROOT, TARGET, cargo, passes

from onnx2rust.base.errors import InvalidModelError, UsageError
from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.emit import identity, thresholds
from onnx2rust.files import npz

BUILD = rust_tools.BUILD / "generated"

pytestmark = pytest.mark.slow


def tree(folder: Path) -> dict[str, bytes]:
    """All files by relative path, without what cargo leaves."""
    files = (p for p in sorted(folder.rglob("*")) if p.is_file())
    found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}
    return {name: content for name, content in found.items() if not name.endswith("Cargo.lock") and "/target/" not in name}


@contextmanager
def replaced(path: Path, content: bytes) -> Iterator[None]:
    """The file with other content; as it was afterwards."""
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


def features(count: int = 400) -> dict[str, np.ndarray]:
    """Samples for the `score` model, with labels that follow its scores, noisily."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((count, 10)).astype(np.float32)
    scores = reference(onnx_models.score(), x)
    return {"features": x, "predictions": scores, "labels": (scores[:, 0] + rng.normal(0, 0.2, count) > 0.6).astype(np.int64)}


def reference(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: x})[0])


def convert(model: onnx.ModelProto, name: str, **options: Any) -> Path:
    """Converts into the build folder; returns the crate."""
    BUILD.mkdir(parents=True, exist_ok=True)
    source = BUILD / f"{name.lower()}.onnx"
    onnx.save(model, source)
    return pipeline.convert(source, BUILD / name.lower(), Options(name=name, force=True, **options)).crate


@pytest.fixture(scope="session")
def score() -> Path:
    """A binary classifier with labelled features."""
    BUILD.mkdir(parents=True, exist_ok=True)
    (BUILD / "features.npz").write_bytes(npz.encode(features()))
    return convert(onnx_models.score(), "Score", features=BUILD / "features.npz")


@pytest.fixture(scope="session")
def digits() -> Path:
    """An image classifier, with every option at its default."""
    return convert(onnx_models.digits(), "Digits")


@pytest.mark.parametrize("name", ["score", "digits", "text"])
def test_two_processes_write_the_same_bytes(name: Any, tmp_path: Path) -> None:
    onnx.save(getattr(onnx_models, name)(), tmp_path / "model.onnx")
    code = "import sys; from onnx2rust import *; convert(sys.argv[1], sys.argv[2], Options(name='Model'))"
    trees = []
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT / "src")}
        command = [sys.executable, "-c", code, str(tmp_path / "model.onnx"), str(tmp_path / seed)]
        subprocess.run(command, env=environment, check=True, capture_output=True)
        trees.append(tree(tmp_path / seed))
    assert list(trees[0]) == list(trees[1])
    assert [name for name in trees[0] if trees[0][name] != trees[1][name]] == []


@pytest.mark.parametrize("name", ["score", "digits", "text"])
def test_every_file_stands_in_the_readme(name: Any, request: pytest.FixtureRequest) -> None:
    crate = request.getfixturevalue(name)
    readme = (crate / "README.md").read_text()
    expected = {"saved_model_from_onnx/computation_graph.json", "saved_model_from_onnx/model_architecture.json"}
    expected |= {f"saved_model_from_onnx/{n}" for n in ("model_overview.png", "model_weights.npz", "model.onnx")}
    found = set(tree(crate.parent))
    assert expected == {f for f in found if f.startswith("saved_model")}
    own = {f.partition("/")[2] for f in found - expected}
    for file in own:
        top = file.split("/")[0]
        assert f"`{file}`" in readme or file == "README.md" or (top == "tf-layers" and "`tf-layers/`" in readme), file


@pytest.fixture(scope="session")
def text() -> Path:
    """A classifier of sequences of ids, of any length."""
    return convert(onnx_models.text(), "Text")


@pytest.mark.parametrize("name", ["score", "digits", "text"])
@pytest.mark.parametrize(
    "command",
    [
        ["test"],
        ["clippy", "--all-targets", "--", "-D", "warnings"],
        ["fmt", "--check"],
        ["bench", "--no-run"],
    ],
    ids=lambda c: c[0],
)
def test_cargo_is_content(name: Any, command: Any, request: pytest.FixtureRequest) -> None:
    # one crate is built as users build it, the others in the profile that these tests share
    as_written = name == "score" and command[0] in ("test", "bench")
    shared = ["--profile", "dev"] if command[0] == "bench" and not as_written else []
    passes(request.getfixturevalue(name), *command, *shared, as_written=as_written)


def test_a_quantised_crate_allows_what_the_reference_leaves_open() -> None:
    crate = convert(onnx_models.quantised("steps", "values"), "Steps")
    assert "const SLACK: &[f64] = &[1.0, 0.5];" in (crate / "tests" / "parity.rs").read_text()
    readme = (crate / "README.md").read_text()
    assert "the model is quantised, so its outputs may be off by the `SLACK` of `tests/parity.rs` besides." in readme
    for command in ["test"], ["clippy", "--all-targets", "--", "-D", "warnings"], ["fmt", "--check"]:
        passes(crate, *command)


def test_the_documentation_builds_without_warnings(score: Any) -> None:
    done = cargo(score, "doc", "--no-deps", "--package", "score", "--package", "score-layers")
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr


def test_tests_prove_what_the_readme_says(score: Any) -> None:
    names = passes(score, "test", "--", "--list")
    for test in (
        "one_sample_at_a_time",
        "all_samples_at_once",
        "every_vector_level",
        "predicting_allocates_nothing_after_the_first_call",
        "the_lengths_of_the_inputs_say_the_sizes",
        "confidence_follows_the_thresholds",
        "src/lib.rs - Readme",
    ):
        assert test in names


def predict(crate: Path, x: np.ndarray, tmp_path: Path) -> np.ndarray:
    """The example on a batch."""
    (tmp_path / "in.npz").write_bytes(npz.encode({"features": x}))
    arguments = ["run", "-q", "--example", "predict", "--", str(tmp_path / "in.npz"), str(tmp_path / "out.npz")]
    said = passes(crate, *arguments).splitlines()
    assert said[0] == f"probability: float32 [{len(x)}, 1]"
    assert [line.split(":")[0] for line in said[1:]] == [f"  sample {k}" for k in range(min(len(x), 3))]
    last = json.loads(passes(crate, *arguments, "--repeat", "2").splitlines()[-1])
    assert list(last) == ["runs", "median_ns", "min_ns", "first_ns", "peak_rss_kb"]
    with np.load(tmp_path / "out.npz") as archive:
        return np.asarray(archive["probability"])


def test_new_weights_need_no_new_conversion(score: Any, tmp_path: Path) -> None:
    x = features()["features"][:7]
    np.testing.assert_allclose(predict(score, x, tmp_path), reference(onnx_models.score(), x), rtol=1e-5)
    retrained = onnx_models.score(seed=9)
    weights = {i.name: onnx.numpy_helper.to_array(i) for i in retrained.graph.initializer}
    manifest = identity.renewed((score / "Cargo.toml").read_text(), npz.checksum(weights))
    assert manifest is not None
    with replaced(score / "model" / "model_weights.npz", npz.encode(weights)), replaced(score / "Cargo.toml", manifest.encode()):
        np.testing.assert_allclose(predict(score, x, tmp_path), reference(retrained, x), rtol=1e-5)
        assert cargo(score, "test", "--test", "parity").returncode != 0
    out = io.BytesIO()
    np.savez_compressed(out, **dict(reversed(weights.items())))
    # compressed and in another order, they are the same weights
    with replaced(score / "model" / "model_weights.npz", out.getvalue()), replaced(score / "Cargo.toml", manifest.encode()):
        np.testing.assert_allclose(predict(score, x, tmp_path), reference(retrained, x), rtol=1e-5)


def _weights(**changes: np.ndarray | None) -> bytes:
    found: dict[str, np.ndarray[Any, Any] | None] = {
        i.name: onnx.numpy_helper.to_array(i) for i in onnx_models.score().graph.initializer
    }
    found |= {name.replace("__", "/"): array for name, array in changes.items()}
    return npz.encode({name: array for name, array in found.items() if array is not None})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_weights(hidden__kernel=np.zeros((10, 17), np.float32)), "`hidden/kernel` is float32 [10, 17], the model needs"),
        (_weights(hidden__bias=np.zeros(16, np.float64)), "`hidden/bias` is float64 [16], the model needs float32 [16]"),
        (_weights(score__bias=None), "`score/bias` (float32 [1]) is missing"),
        (_weights(extra=np.zeros(3, np.float32)), "`extra` is in the file, but not in the model"),
        (_weights()[:-30], "model_weights.npz"),
        (b"", "model_weights.npz"),
    ],
    ids=["shape", "type", "missing", "extra", "cut off", "empty"],
)
def test_weights_that_do_not_fit_fail_the_build_by_name(score: Any, content: Any, message: Any) -> None:
    with replaced(score / "model" / "model_weights.npz", content):
        done = cargo(score, "check")
    assert done.returncode != 0
    assert message in done.stderr
    assert "panicked" not in done.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"bottom": 0.5, "low": 0.4, "medium": 0.8, "high": 0.9}', "must have bottom <= low <= medium <= high"),
        ('{"bottom": 0.5, "low": 0.7, "medium": 0.8}', "`high` is missing"),
        ('{"bottom": 0.5, "low": 0.7, "medium": 0.8, "high": 0.9, "top": 1}', "unknown key `top`"),
        ('{"bottom": 0.5, "low": 0.7, "medium": 0.8, "high": "x"}', '`high` is not a number of JSON: `"x"`'),
        ('{"bottom": +0.5, "low": 0.7, "medium": 0.8, "high": 0.9}', "`bottom` is not a number of JSON: `+0.5`"),
        ('{"bottom": -0.5, "low": 0.7, "medium": 0.8, "high": 0.9}', "`bottom` is below 0"),
        ("{}", "`bottom`, `low`, `medium`, `high` are missing"),
        ("[]", "is not a JSON object"),
        ("", "is not a JSON object"),
    ],
)
def test_thresholds_that_do_not_fit_fail_the_build(score: Any, content: Any, message: Any) -> None:
    with replaced(score / "model" / "thresholds.json", content.encode()):
        done = cargo(score, "check")
    assert done.returncode != 0
    assert message in done.stderr


USER = """
use score::{Confidence, Inputs, ScoreModel, Sizes};

fn main() -> Result<(), score::Error> {
    let model = ScoreModel::new();
    let mut workspace = model.workspace();
    let mut line = String::new();
    while std::io::stdin().read_line(&mut line).expect("input") > 0 {
        let features: Vec<f32> = line.split_whitespace().map(|v| v.parse().expect("a number")).collect();
        let answer = model.classify(Inputs { features: &features }, &mut workspace)?;
        let vector = model.predict_from(Inputs { features: &features }, &mut workspace)?.probability.to_vec();
        let batch = model.predict(Sizes { batch: 1 }, Inputs { features: &features }, &mut workspace)?;
        assert_eq!(batch.probability.data, vector);
        assert!(answer.confidence >= Confidence::None);
        println!("{} {:?}", answer.score, answer.confidence);
        line.clear();
    }
    Ok(())
}
"""


def test_another_crate_can_depend_on_it(score: Any) -> None:
    consumer = BUILD / "consumer"
    (consumer / "src").mkdir(parents=True, exist_ok=True)
    (consumer / "src" / "main.rs").write_text(USER)
    manifest = '[package]\nname = "consumer"\nversion = "0.1.0"\nedition = "2024"\n\n[dependencies]\n'
    (consumer / "Cargo.toml").write_text(f'{manifest}score = {{ path = "{score}" }}\n\n[workspace]\n')
    passes(consumer, "check")


ASKER = """\
use memory::{Inputs, MemoryModel, Sizes};

fn main() {
    let numbers: Vec<i64> = std::env::args().skip(1).flat_map(|a| a.parse()).collect();
    let [wanted, n] = numbers[..] else { return };
    let (model, x) = (MemoryModel::new(), vec![1.0; n as usize]);
    let mut workspace = model.workspace();
    let inputs = Inputs { shape: &[wanted], x: &x };
    match model.predict(Sizes { n: x.len() }, inputs, &mut workspace) {
        Ok(outputs) => println!("{} and {} elements", outputs.filled.len(), outputs.table.len()),
        Err(error) => println!("{error}"),
    }
}
"""


def test_memory_that_is_not_there_is_an_error() -> None:
    resource = pytest.importorskip("resource")  # Unix has it
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["filled"], "fill"),
        helper.make_node("Unsqueeze", ["x", "last"], ["column"]),
        helper.make_node("Mul", ["column", "x"], ["table"], "table"),
    ]
    inputs = [
        helper.make_tensor_value_info("shape", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"]),
    ]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, axes) for name, axes in (("filled", ["m"]), ("table", ["n", "n"]))
    ]
    graph = helper.make_graph(nodes, "memory", inputs, outputs, [numpy_helper.from_array(np.array([1]), "last")])
    crate = convert(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), "Memory")
    (crate / "examples" / "ask.rs").write_text(ASKER)
    passes(crate, "build", "--example", "ask")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))

    def ask(wanted: int, n: int) -> str:
        """What the process prints that may have 4 GiB of addresses: an allocation beyond fails, whatever the machine has."""
        command = [str(TARGET / "debug" / "examples" / "ask"), str(wanted), str(n)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limit)
        assert done.returncode == 0, done.stderr
        return str(done.stdout).strip()

    assert ask(5, 3) == "5 and 9 elements"
    # sizes that the data bring
    assert ask(2**31, 3) == f"no memory for a buffer of {4 * 2**31} bytes"
    assert ask(2**62, 3) == f"layer `fill_read_sizes`: size would be {2**62}"
    # sizes that the caller gives: an input that is there, and a product of it that is not
    assert ask(5, 2**16) == f"no memory for a buffer of {4 * 2**32} bytes"
    assert ask(-1, 3) == "layer `fill_read_sizes`: size would be -1"


def test_thresholds_from_labels_decide_the_confidence(score: Any) -> None:
    data = features()
    example = score / "examples" / "user.rs"
    example.write_text(USER)
    try:
        passes(score, "build", "--example", "user")
    finally:
        example.unlink()
    lines = "\n".join(" ".join(map(repr, row.tolist())) for row in data["features"])
    program = TARGET / "debug" / "examples" / "user"
    done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
    answers = [line.split() for line in done.stdout.splitlines()]
    scores = np.array([float(score_) for score_, _ in answers], np.float32)
    np.testing.assert_allclose(scores, data["predictions"][:, 0], rtol=1e-5)

    levels = json.loads((score / "model" / "thresholds.json").read_text())
    assert list(levels) == ["bottom", "low", "medium", "high"]
    negatives = data["predictions"][data["labels"] == 0, 0]
    for name, rate in thresholds.FALSE_POSITIVE_RATES.items():
        share = (negatives >= np.float32(levels[name])).mean()
        assert share <= rate
        assert share + 1 / len(negatives) > rate  # a lower threshold would let one more through
    for score_, (_, confidence) in zip(scores, answers, strict=True):
        near = [n for n in levels if abs(score_ - levels[n]) < 1e-5]
        reached = [n for n in levels if score_ >= levels[n]]
        assert near or confidence.lower() == (reached[-1] if reached else "none")
    readme = (score / "README.md").read_text()
    assert f"its\n{len(negatives)} negative samples" in readme
    assert "| `bottom` | 10 % |" in readme
    assert "placeholder" not in readme


def test_without_labels_the_readme_says_that_thresholds_are_placeholders(tmp_path: Path) -> None:
    onnx.save(onnx_models.score(), tmp_path / "model.onnx")
    project = pipeline.convert(tmp_path / "model.onnx", tmp_path / "out", Options(name="Score"))
    assert any("placeholders" in note for note in project.notes)
    assert "**The thresholds in this crate are placeholders.**" in (project.crate / "README.md").read_text()
    assert json.loads((project.crate / "model" / "thresholds.json").read_text()) == thresholds.PLACEHOLDERS
    with np.load(project.crate / "testdata" / "features.npz") as archive:
        assert {n: (archive[n].shape, str(archive[n].dtype)) for n in archive.files} == {
            "features": ((8, 10), "float32"),
            "predictions": ((8, 1), "float32"),
        }


def test_thresholds_of_the_user_are_taken_as_they_are(tmp_path: Path) -> None:
    onnx.save(onnx_models.score(), tmp_path / "model.onnx")
    given = {"bottom": 0.1, "low": 0.2, "medium": 0.2, "high": 0.4}
    (tmp_path / "t.json").write_text(json.dumps(given))
    options = Options(name="Score", thresholds=tmp_path / "t.json")
    project = pipeline.convert(tmp_path / "model.onnx", tmp_path / "out", options)
    assert json.loads((project.crate / "model" / "thresholds.json").read_text()) == given
    readme = (project.crate / "README.md").read_text()
    assert "were given to the conversion" in readme
    assert "placeholder" not in readme


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.ones(400, np.int64), "no negative sample"),
        (np.full(400, 2), "one 0 or 1 for each sample"),
        (np.zeros(3, np.int64), "one 0 or 1 for each sample"),
    ],
)
def test_labels_that_say_nothing_are_refused(labels: Any, message: Any, tmp_path: Path) -> None:
    onnx.save(onnx_models.score(), tmp_path / "model.onnx")
    (tmp_path / "f.npz").write_bytes(npz.encode(features() | {"labels": labels}))
    with pytest.raises(InvalidModelError, match=message):
        pipeline.convert(tmp_path / "model.onnx", tmp_path / "out", Options(features=tmp_path / "f.npz"))
    assert not (tmp_path / "out").exists()


def test_only_a_binary_classifier_classifies(tmp_path: Path) -> None:
    onnx.save(onnx_models.digits(), tmp_path / "model.onnx")
    with pytest.raises(UsageError, match="one score a sample"):
        pipeline.convert(tmp_path / "model.onnx", tmp_path / "out", Options(binary_classification=True))
    project = pipeline.convert(tmp_path / "model.onnx", tmp_path / "out", Options(binary_classification=False))
    assert project.notes == ()
    assert "classify" not in (project.crate / "src" / "model.rs").read_text()
    onnx.save(onnx_models.score(), tmp_path / "score.onnx")
    project = pipeline.convert(tmp_path / "score.onnx", tmp_path / "off", Options(binary_classification=False))
    assert "classify" not in (project.crate / "src" / "model.rs").read_text()
    assert "Thresholds" not in (project.crate / "README.md").read_text()


def test_inplace_and_memdrop_decide_how_many_buffers_there_are(tmp_path: Path) -> None:
    onnx.save(onnx_models.digits(), tmp_path / "model.onnx")
    slots = {}
    for inplace in (True, False):
        for memdrop in (True, False):
            options = Options(inplace=inplace, memdrop=memdrop, force=True)
            plan = pipeline.convert(tmp_path / "model.onnx", tmp_path / "out", options).plan
            slots[inplace, memdrop] = len(plan.slots)
    assert slots[True, True] <= slots[False, True] < slots[False, False]
    assert slots[True, True] <= slots[True, False] <= slots[False, False]


def test_the_crate_is_called_as_asked(tmp_path: Path) -> None:
    onnx.save(onnx_models.score(), tmp_path / "model.onnx")
    project = pipeline.convert(tmp_path / "model.onnx", tmp_path / "out", Options(name="MNIST", crate_name="my-digits"))
    assert (project.model, project.crate_name) == ("MNISTModel", "my_digits")
    assert 'name = "my_digits"' in (project.crate / "Cargo.toml").read_text()
    assert "use my_digits::" in (project.crate / "README.md").read_text()


def test_the_reports_agree_with_the_crate(digits: Any) -> None:
    people = digits.parent / "saved_model_from_onnx"
    graph = json.loads((people / "computation_graph.json").read_text())
    architecture = json.loads((people / "model_architecture.json").read_text())
    assert list(graph) == list(architecture["layers"])
    for name, entry in graph.items():
        assert all(name in graph[source]["outbounds"] for source in entry["inbounds"])
    layers = (digits / "src" / "layers.rs").read_text()
    with np.load(digits / "model" / "model_weights.npz") as archive:
        shapes = {name: list(archive[name].shape) for name in archive.files}
    assert (people / "model_weights.npz").read_bytes() == (digits / "model" / "model_weights.npz").read_bytes()
    for name, layer in architecture["layers"].items():
        if layer.get("rust") and layer["config"] and layer["weights"]:
            assert f"pub {name}: " in layers
        for weight in layer.get("weights", {}).values():
            assert shapes[weight["name"]] == weight["shape"]
    classes = [layer["class"] for layer in architecture["layers"].values()]
    assert classes.count("Conv2D") == 2
    assert classes.count("MaxPooling2D") == 2
    assert architecture["layers"]["conv1"]["config"]["kernel_size"] == [3, 3]
    assert architecture["layers"]["conv1"]["config"]["filters"] == 8
    assert architecture["layers"]["conv1"]["config"]["padding"] == "same"
    onnx.checker.check_model(onnx.load(people / "model.onnx"))
    assert Image.open(people / "model_overview.png").format == "PNG"


def test_a_conversion_replaces_only_conversions(tmp_path: Path) -> None:
    onnx.save(onnx_models.score(), tmp_path / "model.onnx")
    first = pipeline.convert(tmp_path / "model.onnx", tmp_path / "out", Options(name="A"))
    shutil.copytree(first.out, tmp_path / "copy")
    with pytest.raises(UsageError, match="not empty"):
        pipeline.convert(tmp_path / "model.onnx", tmp_path / "out", Options(name="B"))
    assert tree(tmp_path / "out") == tree(tmp_path / "copy")
    assert pipeline.convert(tmp_path / "model.onnx", tmp_path / "out", Options(name="B", force=True)).model == "BModel"
