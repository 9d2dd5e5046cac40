"""From a file someone saved to one `onnx.ModelProto`: every source format ends here, in the same shape.

What a caller may rely on, whatever the source was: the model's own input and output names in the model's own order,
nodes topologically sorted, no model-local functions, no external data, no operator that ONNX does not have,
constants that are not inputs, and the same bytes from the same file every time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from onnx2rust.base.errors import Onnx2RustError, Problem, UsageError
from onnx2rust.base.options import Options, for_each
from onnx2rust.frontends.base import Loaded
from onnx2rust.frontends.detect import detect

__all__ = ["Loaded", "load", "load_many"]


def load(source: Path, options: Options) -> Loaded:
    """Read `source`, whatever it is (`options.frontend` or its content says), and bring it to ONNX."""
    (result,) = load_many([source], options)
    if isinstance(result, Onnx2RustError):
        raise result
    return result


def load_many(sources: Sequence[Path], options: Options | Sequence[Options]) -> list[Loaded | Onnx2RustError]:
    """Like `load` for each of `sources` with its own options, or all with the same; one child
    process serves all that need TensorFlow.

    A source that fails has its error in its place of the list, so that one bad file does not cost the others.
    """
    from onnx2rust.frontends import onnx_file, tensorflow

    results: dict[int, Loaded | Onnx2RustError] = {}
    for_tensorflow: list[tuple[int, Path, str]] = []
    each = for_each(options, len(sources))
    for index, source in enumerate(sources):
        try:
            frontend = detect(source, each[index].frontend)
            _refuse_unread(source, frontend, each[index])
            if frontend == "onnx":
                results[index] = onnx_file.load(source, each[index])
            else:
                for_tensorflow.append((index, source, frontend))
        except Onnx2RustError as error:
            results[index] = error
        except OSError as error:
            results[index] = UsageError(f"{source}: cannot be read: {error.strerror or error}")
    if for_tensorflow:
        loaded = tensorflow.load_many([(path, frontend, each[index]) for index, path, frontend in for_tensorflow])
        results.update(zip([index for index, _, _ in for_tensorflow], loaded, strict=True))
    return [results[index] for index in range(len(sources))]


def _refuse_unread(source: Path, frontend: str, options: Options) -> None:
    """Refuses options that the model's format has no use for: who gives one expects it to matter."""
    problems = []
    if options.signature is not None and frontend not in ("saved-model", "tflite"):
        what = f"no signature is called {options.signature!r}"
        problems.append(Problem(what, str(source), "only SavedModels and TFLite files have signatures"))
    custom = options.custom_objects
    if custom is not None and frontend != "keras":
        problems.append(Problem(f"--custom-objects {custom}: only Keras files have custom objects", str(source)))
    elif custom is not None and not custom.is_file():
        problems.append(Problem(f"--custom-objects {custom}: no such file"))
    if problems:
        raise UsageError(problems)
