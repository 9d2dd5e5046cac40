"""What passes say of what they leave alone: the pass, the node, and one sentence."""

from __future__ import annotations

import numpy as np
import pytest
from build import layers
from onnx import NodeProto
from passing import passed, rewritten
from spelled_patterns import Pattern, floats, ints, node, number

from onnx2rust.ir.program import Step
from onnx2rust.passes.rewriting import Decline, Links, by_rule

ROWS: dict[str, list[int | str]] = {"x": ["batch", 4]}
IMAGES: dict[str, list[int | str]] = {"x": ["batch", 2, 6, 6]}
DENSE = node("MatMul", "x w", "p")
FIRST = node("Conv", "x k0", "f")
KNOWN = {
    "w": floats(1, 4, 4),
    "k0": floats(4, 2, 2, 1, 1),
    "k": floats(1, 3, 2, 3, 3),
    "c": floats(2, 4),
    "d": floats(3, 4),
    "huge": np.full(4, 1e38, np.float32),
    "half": number(0.5),
    "one": number(1),
    "root": number(1.5),
    "pads": ints(0, 0, 1, 1, 0, 0, 1, 1),
    "crop": ints(0, 0, -1, -1, 0, 0, -1, -1),
    "seven": number(7),
}
SHARED = "something else reads the product's result as it is"
SAID: dict[str, tuple[list[NodeProto], tuple[str, ...], str]] = {
    "activation, shared": (
        [DENSE, node("Relu", "p", "y")],
        ("y", "p"),
        f"fuse_activation: node 1 'y' (Relu, opset 17): {SHARED}",
    ),
    "activation, second": (
        [DENSE, node("Relu", "p", "r"), node("Tanh", "r", "y")],
        ("y",),
        "fuse_activation: node 2 'y' (Tanh, opset 17): the product applies an activation already: Relu",
    ),
    "scale, shared": (
        [DENSE, node("Mul", "p c", "y")],
        ("y", "p"),
        f"fold_scale: node 1 'y' (Mul, opset 17): {SHARED}",
    ),
    "scale, behind an activation": (
        [DENSE, node("Relu", "p", "r"), node("Mul", "r c", "y")],
        ("y",),
        "fold_scale: node 2 'y' (Mul, opset 17): the product applies an activation already: Relu",
    ),
    "scale, behind a residual": (
        [DENSE, node("Add", "p x", "r"), node("Mul", "r c", "y")],
        ("y",),
        "fold_scale: node 2 'y' (Mul, opset 17): the product adds a residual already",
    ),
    "scale, too large": (
        [node("MatMul", "x big", "p"), node("Mul", "p huge", "y")],
        ("y",),
        "fold_scale: node 1 'y' (Mul, opset 17): weights times the scale, or plus the shift, would be no finite numbers",
    ),
    "residual, shared": (
        [DENSE, node("Add", "p x", "y")],
        ("y", "p"),
        f"fuse_residual: node 1 'y' (Add, opset 17): {SHARED}",
    ),
    "residual, behind an activation": (
        [DENSE, node("Relu", "p", "r"), node("Add", "r x", "y")],
        ("y",),
        "fuse_residual: node 2 'y' (Add, opset 17): the product applies an activation already: Relu",
    ),
    "residual, second": (
        [DENSE, node("Add", "p x", "r"), node("Tanh", "x", "t"), node("Add", "r t", "y")],
        ("y",),
        "fuse_residual: node 3 'y' (Add, opset 17): the product adds a residual already",
    ),
    "padding, mirrored": (
        [FIRST, node("Pad", "f pads", "q", mode="reflect"), node("Conv", "q k", "y")],
        ("y",),
        "fold_pad: node 2 'y' (Conv, opset 17): padding that continues the image (Reflect): convolutions pad with zeros",
    ),
    "padding, of sevens": (
        [FIRST, node("Pad", "f pads seven", "q"), node("Conv", "q k", "y")],
        ("y",),
        "fold_pad: node 2 'y' (Conv, opset 17): padding with other numbers than zero: convolutions pad with zeros",
    ),
    "padding, shared": (
        [FIRST, node("Pad", "f pads", "q"), node("Conv", "q k", "y"), node("Relu", "q", "r")],
        ("y", "r"),
        "fold_pad: node 2 'y' (Conv, opset 17): something else reads the padded image",
    ),
    "padding, negative": (
        [FIRST, node("Pad", "f crop", "q"), node("Conv", "q k", "y")],
        ("y",),
        "fold_pad: node 2 'y' (Conv, opset 17): padding of the batch or of channels, by negative amounts, or by amounts "
        "known only at run time",
    ),
    "shift before a scale": (
        [node("Add", "x c", "s"), node("Mul", "s d", "y")],
        ("y",),
        "scale_shift: node 1 'y' (Mul, opset 17): a shift before a scale: x*s + t*s would cancel where x is near -t",
    ),
    "no gelu": (
        [
            node("Div", "x root", "u"),
            node("Erf", "u", "e"),
            node("Add", "e one", "s"),
            node("Mul", "x s", "m"),
            node("Mul", "m half", "y"),
        ],
        ("y",),
        "activations: node 1 'e' (Erf, opset 17): Erf is in models to say GELU, but this one is not in x/2 * (1 + "
        "Erf(x/sqrt(2))) of one x",
    ),
}


@pytest.mark.parametrize("name", SAID)
def test_passes_say_why(name: str) -> None:
    nodes, outputs, sentence = SAID[name]
    used = {n for each in nodes for n in each.input}
    known = {**KNOWN, "big": KNOWN["w"] * 100}
    inputs = IMAGES if "k" in used else ROWS
    pattern = Pattern(nodes, {k: v for k, v in known.items() if k in used}, [], inputs)
    assert passed(pattern, outputs)[1] == [sentence]


def test_what_was_replaced_in_the_end_is_not_spoken_of() -> None:
    """The product's activation is in its way in the first round only: it is an activation that was not recognised yet."""
    root = {"root": number(np.sqrt(2))}
    nodes = SAID["no gelu"][0]
    used = {n for each in nodes for n in each.input}
    pattern = Pattern(nodes, {k: v for k, v in {**KNOWN, **root}.items() if k in used}, [], ROWS)
    program, said = passed(pattern)
    assert layers(program) == ["Activate"]
    assert said == []


def test_parts_of_one_pattern_are_heard_once() -> None:
    program, _ = passed(Pattern([node("Exp", "x", "a"), node("Sin", "a", "b"), node("Cos", "b", "y")], {}, [], ROWS))
    shared, other = program.inputs[0], program.outputs[0]
    abouts = iter([shared, shared, other])

    def rule(_links: Links, _step: Step) -> None:
        raise Decline("why not", next(abouts))

    result = by_rule(rule)(program)
    assert result.program is program
    assert [(d.node, d.reason) for d in result.declined] == [(str(program.steps[k].origin), "why not") for k in (0, 2)]


def test_a_pass_returns_the_steps_that_it_rewrote() -> None:
    pattern = Pattern([DENSE, node("Relu", "p", "y")], {"w": KNOWN["w"]}, [], ROWS)
    assert [step.origin.op for step in rewritten(pattern)] == ["Relu"]
