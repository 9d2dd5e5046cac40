"""`host`: a model's crate and a shell beside it, built."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from onnx2rust.base.options import Options
from onnx2rust.conversion.pipeline import Progress, Project, convert_workspace


@dataclass(frozen=True)
class Hosted:
    """What was written for a host."""

    project: Project
    shell: Path
    """The shell's folder."""
    dist: Path | None
    """What was built, if it was."""


def host(
    kind: str,
    model: Path | str,
    out: Path | str,
    options: Options | None = None,
    *,
    build: bool = False,
    progress: Progress = lambda _: None,
) -> Hosted:
    """Converts the model into a cargo workspace at `out` with a shell for the host `kind` (`onnx2rust host`), and builds it if
    asked.

    Raises as `convert_workspace`, UnsupportedError where the host has no form for an input or output, ToolError if cargo cannot
    build it.
    """
    (project,) = convert_workspace([model], out, options, hosts=[kind], progress=progress)
    (shell,) = project.shells
    folder = Path(out) / shell.package
    dist = None
    if build:
        progress("building the shell")
        dist = shell.build(Path(out))
    return Hosted(project, folder, dist)
