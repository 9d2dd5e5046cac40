"""What the tests of the frontends share: TensorFlow sources with their reference answers, and onnxruntime to compare with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from onnx2rust.base.errors import Onnx2RustError
from onnx2rust.base.options import Options
from onnx2rust.frontends import Loaded, load_many

WITH_OPTIONS = {
    "module_plain": ("module_two", Options(signature="plain")),
    "module_shifted": ("module_two", Options(signature="shifted")),
    "module_plane": ("module_two", Options(signature="plane")),
    "graphdef_out": ("graphdef", Options(inputs=("pixels",), outputs=("out",))),
    "graphdef_relu": ("graphdef", Options(outputs=("dense/Relu:0",))),
    "graphdef_nowhere": ("graphdef", Options(outputs=("nowhere",))),
    "keras3_stem": ("keras3", Options(outputs=("stem/Relu",))),
}
"""Sources that are also read with options, under a name of their own."""


def run_onnx(loaded: Loaded, *values: Any) -> list[np.ndarray[Any, Any]]:
    """What onnxruntime makes of the loaded model, inputs in its order."""
    names = [value.name for value in loaded.proto.graph.input]
    session = ort.InferenceSession(loaded.encoded)
    return list(session.run(None, dict(zip(names, values, strict=True))))


def io_names(loaded: Loaded) -> tuple[list[str], list[str]]:
    """Input and output names, in order."""
    return [v.name for v in loaded.proto.graph.input], [v.name for v in loaded.proto.graph.output]


@dataclass(frozen=True)
class Sources:
    """Paths and reference answers by name; `results` are those of one `load_many`, with default
    options or those of `WITH_OPTIONS`."""

    folder: Path
    paths: dict[str, Path]
    answers: dict[str, tuple[list[Any], list[Any]]]
    results: dict[str, Loaded | Onnx2RustError]

    @classmethod
    def read(cls, folder: Path, paths: dict[str, Path], answers: dict[str, tuple[list[Any], list[Any]]]) -> Sources:
        """Reads all of them in one child."""
        asked = {name: (path, Options()) for name, path in paths.items()}
        asked |= {name: (paths[source], options) for name, (source, options) in WITH_OPTIONS.items()}
        results = load_many([path for path, _ in asked.values()], [options for _, options in asked.values()])
        return cls(folder, paths, answers, dict(zip(asked, results, strict=True)))

    def loaded(self, name: str) -> Loaded:
        """The result of `name`, which must not be an error."""
        result = self.results[name]
        if isinstance(result, Onnx2RustError):
            raise result
        return result

    def error(self, name: str, kind: type[Onnx2RustError]) -> str:
        """The message of `name`, which must be an error of this kind."""
        result = self.results[name]
        assert isinstance(result, kind), result
        return str(result)
