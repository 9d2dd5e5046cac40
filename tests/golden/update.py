"""Writes the golden crates anew: `python tests/golden/update.py [NAME…]`. Review the difference before you commit it."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import onnx
from golden_models import GOLDEN

from onnx2rust.conversion import pipeline

HERE = Path(__file__).resolve().parent


def generate(name: str) -> dict[str, bytes]:
    """The files of the crate and of the reports by path; no copy of tf-layers, and no picture (its bytes depend on Pillow's)."""
    golden = GOLDEN[name]
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / f"{name}.onnx"
        onnx.save(golden.build(), source)
        out = pipeline.convert(source, Path(temporary) / "out", golden.options).out
        files = {p.relative_to(out).as_posix(): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}
    without = (".png", ".onnx") if golden.whole else (".png", ".onnx", ".npz")
    return {n: content for n, content in files.items() if "/tf-layers/" not in n and not n.endswith(without)}


def kept(name: str) -> dict[str, bytes]:
    """The files in the repository."""
    folder = HERE / name
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def main() -> None:
    for name in sys.argv[1:] or GOLDEN:
        before, after = kept(name), generate(name)
        changed = sorted(f for f in before | after if before.get(f) != after.get(f))
        shutil.rmtree(HERE / name, ignore_errors=True)
        for file, content in after.items():
            path = HERE / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        print(f"{name}: {len(changed)} of {len(after)} files changed", *changed, sep="\n  ")


if __name__ == "__main__":
    main()
