"""Crates of one name in one target folder: each runs its own weights, or says why it does not.

cargo tells builds of path packages apart by name and version, and takes files that are older than a build for unchanged.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnx
import onnx_models
import pytest
import rust_tools

import onnx2rust
from onnx2rust.conversion import pipeline
from onnx2rust.files import npz

BUILD = rust_tools.BUILD / "identity"
WEIGHTS = Path("model/model_weights.npz")
X = np.random.default_rng(1).standard_normal((3, 10)).astype(np.float32)

pytestmark = pytest.mark.slow


def weights(seed: int, factor: float = 1) -> dict[str, np.ndarray]:
    found = {i.name: onnx.numpy_helper.to_array(i) for i in onnx_models.score(seed=seed).graph.initializer}
    return {name: (array * np.float32(factor)).astype(np.float32) for name, array in sorted(found.items())}


def expected(w: dict[str, np.ndarray]) -> np.ndarray:
    hidden = np.maximum(X @ w["hidden/kernel"] + w["hidden/bias"], 0)
    return np.asarray(1 / (1 + np.exp(-(hidden @ w["score/kernel"] + w["score/bias"]))))


def age(folder: Path) -> None:
    """Every file seems to be from 2001."""
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (10**9, 10**9))


@pytest.fixture(scope="module")
def crates() -> dict[int, Path]:
    """1 and 2: conversions of one name, with other weights. 3: a copy of 1 with three times its weights, older than any build."""
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(parents=True)
    found = {}
    for k in (1, 2):
        onnx.save(onnx_models.score(seed=k), BUILD / "scorer.onnx")
        options = onnx2rust.Options(name="Scorer")
        found[k] = pipeline.convert(BUILD / "scorer.onnx", BUILD / f"v{k}", options).crate
    found[3] = BUILD / "v3"
    subprocess.run(["cp", "-rp", found[1], found[3]], check=True)
    (found[3] / WEIGHTS).write_bytes(npz.encode(weights(1, 3)))
    for crate in found.values():
        age(crate)
    (BUILD / "in.npz").write_bytes(npz.encode({"features": X}))
    return found


def predict(crate: Path) -> np.ndarray | str:
    """The example's answer, or what was said instead."""
    (BUILD / "out.npz").unlink(missing_ok=True)
    done = rust_tools.cargo(crate, "run", "-q", "--example", "predict", "--", str(BUILD / "in.npz"), str(BUILD / "out.npz"))
    if done.returncode:
        return done.stderr
    with np.load(BUILD / "out.npz") as archive:
        return np.asarray(archive["probability"])


OWN = {1: weights(1), 2: weights(2), 3: weights(1, 3)}
SAID = re.compile(
    r"error: (?:scorer@[^:]+: )?model/model_weights\.npz holds other weights than the version in Cargo\.toml names: if they "
    r"are the ones "
    r'that you want, write `version = "(0\.1\.0\+code\.[0-9a-f]{8}\.weights\.[0-9a-f]{16})"` there '
)


def test_each_of_seven_runs_gives_its_own_numbers_or_says_why_not(crates: dict[int, Path]) -> None:
    for k in (1, 2, 1, 3, 2, 1, 3):
        answer = predict(crates[k])
        if k == 3:
            assert isinstance(answer, str), "the copy's weights are not those that its version names"
            assert SAID.search(answer), answer
            continue
        assert not isinstance(answer, str), answer
        np.testing.assert_allclose(answer, expected(OWN[k]), rtol=1e-5)


def test_without_the_folders_configuration_the_program_itself_says_it(crates: dict[int, Path]) -> None:
    """`.cargo/config.toml` is not read where cargo runs elsewhere: then cargo takes the build of 1 for that of its copy."""
    original, copy = BUILD / "v1_plain", BUILD / "v3_plain"
    for source, target in ((crates[1], original), (crates[3], copy)):
        subprocess.run(["cp", "-rp", source, target], check=True)
        shutil.rmtree(target / ".cargo")
    for _ in range(2):
        answer = predict(original)
        assert not isinstance(answer, str), answer
        np.testing.assert_allclose(answer, expected(OWN[1]), rtol=1e-5)
        said = predict(copy)
        assert isinstance(said, str)
        old, new = (npz.checksum(OWN[k]) for k in (1, 3))
        assert (
            f"error: this program holds the weights {old}, {copy / WEIGHTS} holds {new}: cargo took the build of another" in said
        )
        assert re.search(rf'write `version = "0\.1\.0\+code\.[0-9a-f]{{8}}\.weights\.{new}"` in Cargo\.toml', said)
    assert rust_tools.cargo(original, "test", "-q", "--test", "parity").returncode == 0
    tests = rust_tools.cargo(copy, "test", "-q", "--test", "parity")
    assert tests.returncode != 0
    assert f"this program holds the weights {old}" in tests.stdout


def test_the_line_that_the_build_names_is_all_that_is_needed(crates: dict[int, Path]) -> None:
    said = SAID.search(str(predict(crates[3])))
    assert said
    fixed = BUILD / "v5"
    subprocess.run(["cp", "-rp", crates[3], fixed], check=True)
    manifest = (fixed / "Cargo.toml").read_text()
    (fixed / "Cargo.toml").write_text(re.sub(r'^version = ".*"$', f'version = "{said[1]}"', manifest, count=1, flags=re.M))
    age(fixed)
    for crate, k in ((fixed, 3), (crates[1], 1), (fixed, 3)):
        answer = predict(crate)
        assert not isinstance(answer, str), answer
        np.testing.assert_allclose(answer, expected(OWN[k]), rtol=1e-5)


def test_weights_of_a_retrained_model_in_one_command(crates: dict[int, Path]) -> None:
    """In place, and even if the new file is older than the build."""
    out = BUILD / "v6"
    shutil.copytree(crates[1].parent, out)
    onnx.save(onnx_models.score(seed=7), BUILD / "retrained.onnx")
    for k, w in ((1, weights(1)), (7, weights(7)), (1, weights(1))):
        onnx.save(onnx_models.score(seed=k), BUILD / "retrained.onnx")
        assert onnx2rust.write_weights(BUILD / "retrained.onnx", out) == 4
        assert (out / "saved_model_from_onnx/model_weights.npz").read_bytes() == (
            out / "rust_generated_code" / WEIGHTS
        ).read_bytes()
        age(out)
        answer = predict(out / "rust_generated_code")
        assert not isinstance(answer, str), answer
        np.testing.assert_allclose(answer, expected(w), rtol=1e-5)


def test_a_file_that_is_replaced_by_an_older_one_is_no_secret(crates: dict[int, Path]) -> None:
    crate = BUILD / "v7"
    subprocess.run(["cp", "-rp", crates[2], crate], check=True)
    assert not isinstance(predict(crate), str)
    (crate / WEIGHTS).write_bytes(npz.encode(weights(9)))
    age(crate)
    answer = predict(crate)
    assert isinstance(answer, str)
    assert "this program holds the weights" in answer or SAID.search(answer), answer


def test_a_program_notices_an_older_file_in_its_library(crates: dict[int, Path]) -> None:
    """The crate is a library of a program, which does not read the folder: the build must see that another file has come."""
    crate, program = BUILD / "v8", BUILD / "program"
    subprocess.run(["cp", "-rp", crates[1], crate], check=True)
    (program / "src").mkdir(parents=True)
    (program / "Cargo.toml").write_text(
        '[package]\nname = "program"\nversion = "1.0.0"\nedition = "2024"\n[dependencies]\nscorer = { path = "../v8" }\n'
    )
    (program / "src/main.rs").write_text('fn main() {\n    println!("{}", scorer::WEIGHTS_CHECKSUM);\n}\n')

    def run() -> str:
        done = rust_tools.cargo(program, "run", "-q")
        return done.stdout.strip() if done.returncode == 0 else done.stderr

    old, new = (npz.checksum(OWN[k]) for k in (1, 2))
    assert run() == old
    assert run() == old
    older = crate / "older.npz"
    older.write_bytes(npz.encode(weights(2)))
    os.utime(older, (10**9, 10**9))
    os.replace(older, crate / WEIGHTS)
    said = run()
    assert said != old
    assert said == new or SAID.search(said), said
