"""The TensorFlow child: reads requests (one JSON object a line) from stdin, answers on stdout, one line each.

Whatever TensorFlow, Keras or a user's custom objects print goes to stderr: the real stdout is kept for answers.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from onnx2rust.base.errors import Onnx2RustError


def main() -> None:
    """Serve until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    from onnx2rust.frontends import tf_sources

    tf_sources.warm_up()
    gc.collect()
    gc.freeze()  # TensorFlow's own objects number millions, and Keras collects garbage after each model
    for line in sys.stdin:
        answers.write(json.dumps(answer(json.loads(line))) + "\n")
        answers.flush()
        gc.freeze()  # what a model leaves behind in TensorFlow's caches stays there: do not look at it again


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """One request served; errors of ours become part of the answer, anything else ends the process."""
    from onnx2rust.frontends import tf_sources

    try:
        model, notes = tf_sources.convert(request)
    except tf_sources.NeedsKeras2:
        return {"id": request["id"], "status": "keras2"}
    except Onnx2RustError as error:
        return _refused(request, error)
    Path(request["target"]).write_bytes(model.SerializeToString(deterministic=True))
    return {"id": request["id"], "status": "ok", "notes": notes}


def _refused(request: dict[str, Any], error: Onnx2RustError) -> dict[str, Any]:
    if error.__cause__ is not None:
        traceback.print_exception(error.__cause__)
    problems = [{"what": p.what, "where": p.where, "hint": p.hint} for p in error.problems]
    return {"id": request["id"], "status": type(error).__name__, "problems": problems}


if __name__ == "__main__":
    main()
