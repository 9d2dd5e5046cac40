"""Models that a program holds in memory: they become files for as long as a call needs them, and go the way of all files."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onnx2rust.base.errors import UsageError

if TYPE_CHECKING:
    import onnx


@contextlib.contextmanager
def as_paths(models: Sequence[Any]) -> Iterator[list[Path]]:
    """The paths of models that are paths, or `onnx.ModelProto`s: these are called after their graph."""
    with tempfile.TemporaryDirectory(prefix="onnx2rust-") as folder:
        yield [_written(m, Path(folder) / str(k)) if hasattr(m, "SerializeToString") else Path(m) for k, m in enumerate(models)]


def label(model: Any, path: Path) -> str:
    """What a model is called in messages: as its caller gave it, or the name of the file that is no more."""
    return path.name if hasattr(model, "SerializeToString") else str(model)


def _written(model: onnx.ModelProto, folder: Path) -> Path:
    from google.protobuf.message import EncodeError

    from onnx2rust.base.naming import ident

    path = folder / f"{ident(model.graph.name, 'model')}.onnx"
    folder.mkdir()
    try:
        path.write_bytes(model.SerializeToString())
    except (ValueError, EncodeError) as error:
        raise UsageError(
            f"the ModelProto cannot be serialised: {error}", "save it with external data, and give the file"
        ) from error
    return path
