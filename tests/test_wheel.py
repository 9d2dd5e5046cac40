"""What pip installs: made from the source archive, it converts outside the checkout, and carries templates and tf-layers."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import onnx
import onnx_models
import pytest
from rust_tools import ROOT

from onnx2rust.emit import layer_crate
from onnx2rust.files import resources

pytestmark = pytest.mark.slow


def run(*command: object, cwd: Path, environment: dict[str, str] | None = None) -> str:
    """What a command that must succeed prints."""
    done = subprocess.run([*map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Source archive and wheel; the wheel is built from the archive, not from the checkout. No network."""
    dist = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, ROOT, cwd=dist)
    (source,) = dist.glob("*.tar.gz")
    (wheel,) = dist.glob("*.whl")
    return source, wheel


@pytest.fixture(scope="module")
def python(archives: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel; its dependencies are those of the environment that runs the tests."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder, cwd=folder)
    own = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    run(own, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", archives[1], cwd=folder)
    # a path file adds folders without reading the path files in them: the editable installation of the checkout stays out
    site = Path(run(own, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    (site / "dependencies.pth").write_text("\n".join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}) + "\n")
    return own


def test_the_wheel_holds_what_a_conversion_needs(archives: tuple[Path, Path]) -> None:
    names = set(zipfile.ZipFile(archives[1]).namelist())
    templates = {p.relative_to(resources.templates()).as_posix() for p in resources.templates().rglob("*") if p.is_file()}
    assert {f"onnx2rust/data/templates/{name}" for name in templates} <= names
    assert {f"onnx2rust/data/tf-layers/{name}" for name in resources.tf_layers_files()} <= names
    assert "onnx2rust/py.typed" in names
    assert {name.rpartition("/")[2] for name in names if "/licenses/" in name} == {"LICENSE-MIT", "LICENSE-APACHE"}
    assert not [name for name in names if name.startswith(("tests/", "examples/")) or "__pycache__" in name]


def test_the_source_archive_is_the_repository(archives: tuple[Path, Path]) -> None:
    with tarfile.open(archives[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "Makefile", "rust/tf-layers/Cargo.toml", "tests/test_wheel.py"} <= names
    assert not [name for name in names if name.startswith(("build/", ".venv/")) or "/target/" in name]


@pytest.mark.parametrize("program", ["module", "script"])
def test_it_converts_outside_the_checkout(python: Path, tmp_path: Path, program: str) -> None:
    onnx.save(onnx_models.score(), tmp_path / "model.onnx")
    command = [python, "-m", "onnx2rust"] if program == "module" else [python.with_name("onnx2rust")]
    # without PYTHONPATH, which would bring the checkout back
    run(*command, "convert", "model.onnx", "out", cwd=tmp_path, environment={"PATH": sysconfig.get_path("scripts")})
    crate = tmp_path / "out" / "rust_generated_code"
    assert (crate / "src" / "model.rs").is_file()
    copied = {
        p.relative_to(crate / "tf-layers").as_posix(): p.read_bytes() for p in (crate / "tf-layers").rglob("*") if p.is_file()
    }
    assert copied == layer_crate.files("model-layers", ["base", "dense", "exp", "npz"])


def test_where_it_is_imported_from(python: Path, tmp_path: Path) -> None:
    place = run(python, "-c", "import onnx2rust; print(onnx2rust.__file__)", cwd=tmp_path, environment={}).strip()
    assert Path(place).is_relative_to(python.parent.parent)
