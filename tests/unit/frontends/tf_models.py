# mypy: disable-error-code="misc, untyped-decorator"
# TensorFlow has no types: what is made of its classes and decorators has none.
"""Writes one model of every kind that TensorFlow users save, with what the framework answers to a fixed input."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

Answers = dict[str, tuple[list[Any], list[Any]]]


def write_all(folder: Path) -> tuple[dict[str, Path], Answers]:
    """All models in `folder`: paths by name, and (inputs, outputs) by name."""
    keras.utils.set_random_seed(11)
    paths: dict[str, Path] = {}
    answers: Answers = {}
    _keras3(folder, paths, answers)
    _keras2(folder, paths, answers)
    _modules(folder, paths, answers)
    _graph_def(folder, paths, answers)
    _tflite(folder, paths, answers)
    _damaged(folder, paths)
    return paths, answers


def two_by_two() -> keras.Model:
    """Two inputs and two outputs whose names are not in alphabetical order."""
    zebra, apple = keras.Input((4,), name="zebra"), keras.Input((None, 3), name="apple")
    pooled = layers.GlobalAveragePooling1D(name="pool")(layers.Dense(5, name="embed")(apple))
    joined = layers.Concatenate(name="join")(
        [layers.Dense(5, activation="relu", bias_initializer="random_normal", name="stem")(zebra), pooled]
    )
    top = layers.Dense(2, activation="softmax", bias_initializer="random_normal", name="top")(joined)
    return keras.Model([zebra, apple], [top, layers.Dense(1, name="aside")(joined)], name="pair")


def _draw(*shapes: tuple[int, ...]) -> list[Any]:
    rng = np.random.default_rng(3)
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


def _keras3(folder: Path, paths: dict[str, Path], answers: Answers) -> None:
    model = two_by_two()
    values = _draw((3, 4), (3, 6, 3))
    expected = [np.asarray(tensor) for tensor in model(values)]
    for name, file in (("keras3", "pair.keras"), ("keras3_h5", "pair.h5")):
        paths[name] = folder / file
        model.save(paths[name])
        answers[name] = (values, expected)
    paths["export"] = folder / "pair_export"
    model.export(paths["export"], verbose=False)
    answers["export"] = (values, expected)

    b, a = keras.Input((3,), name="tensor_b"), keras.Input((3,), name="tensor_a")
    named = keras.Model({"b": b, "a": a}, {"second": layers.Dense(2)(b), "first": layers.Dense(2)(layers.Add()([a, b]))})
    paths["dicts"] = folder / "dicts.keras"
    named.save(paths["dicts"])
    values = _draw((2, 3), (2, 3))
    out = named({"b": values[0], "a": values[1]})
    answers["dicts"] = (values, [np.asarray(out["second"]), np.asarray(out["first"])])

    fixed = keras.Sequential([keras.Input(batch_shape=(4, 3), name="rows"), layers.Dense(2)])
    paths["fixed_batch"] = folder / "fixed.keras"
    fixed.save(paths["fixed_batch"])

    x = keras.Input((3,))
    code = keras.Model(x, layers.Lambda(lambda t: t * 2, name="twice")(x))
    for name, file in (("lambda_keras", "code.keras"), ("lambda_h5", "code.h5")):
        paths[name] = folder / file
        code.save(paths[name])
    weights = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    paths["weights_only"] = folder / "only.weights.h5"
    weights.save_weights(paths["weights_only"])


def _keras2(folder: Path, paths: dict[str, Path], answers: Answers) -> None:
    import tf_keras

    zebra, apple = tf_keras.Input((6,), name="zebra"), tf_keras.Input((3,), name="apple")
    x = tf_keras.layers.ThresholdedReLU(0.3, name="thresholded")(zebra)
    x = tf_keras.layers.Concatenate(name="join")([x, apple])
    model = tf_keras.Model([zebra, apple], tf_keras.layers.Dense(2, name="score")(x), name="old")
    values = _draw((3, 6), (3, 3))
    expected = [np.asarray(model(values))]
    for name, file in (("keras2_h5", "old.h5"), ("keras2", "old.keras"), ("keras2_saved_model", "old_saved")):
        paths[name] = folder / file
        model.save(paths[name])
        answers[name] = (values, expected)
    code = tf_keras.Sequential([tf_keras.Input((3,)), tf_keras.layers.Lambda(lambda t: t * 2, name="twice")])
    paths["keras2_lambda"] = folder / "old_code.h5"
    code.save(paths["keras2_lambda"])


class Module(tf.Module):
    """Three functions, two of them signatures."""

    def __init__(self) -> None:
        super().__init__()
        self.w = tf.Variable(np.arange(6, dtype=np.float32).reshape(3, 2), name="w")

    @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, "x")])
    def __call__(self, x: Any) -> Any:
        return tf.matmul(x, self.w)

    @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, "x"), tf.TensorSpec((None, 2), tf.float32, "a")])
    def shifted(self, x: Any, a: Any) -> dict[str, Any]:
        return {"sum": tf.matmul(x, self.w) + a, "first": a}


def _modules(folder: Path, paths: dict[str, Path], answers: Answers) -> None:
    module = Module()
    values = _draw((2, 3), (2, 2))
    plain = [module(values[0]).numpy()]
    shifted = module.shifted(*values)
    paths["module_two"] = folder / "module_two"
    tf.saved_model.save(module, paths["module_two"], signatures={"plain": module.__call__, "shifted": module.shifted})
    answers["module_plain"] = (values[:1], plain)
    answers["module_shifted"] = (values, [shifted["first"].numpy(), shifted["sum"].numpy()])
    paths["module_call"] = folder / "module_call"
    tf.saved_model.save(module, paths["module_call"])
    answers["module_call"] = (values[:1], plain)
    paths["module_untraced"] = folder / "module_untraced"
    tf.saved_model.save(tf.Module(), paths["module_untraced"])


def _graph_def(folder: Path, paths: dict[str, Path], answers: Answers) -> None:
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, (None, 3), "pixels")
        h = tf.nn.relu(tf.matmul(x, tf.constant(np.eye(3, dtype=np.float32)), name="dense/MatMul"), name="dense/Relu")
        tf.add(h, 1.0, name="out")
    paths["graphdef"] = folder / "frozen.pb"
    paths["graphdef"].write_bytes(graph.as_graph_def().SerializeToString())
    (values,) = _draw((2, 3))
    answers["graphdef"] = ([values], [np.maximum(values, 0) + 1])


def _tflite(folder: Path, paths: dict[str, Path], answers: Answers) -> None:
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3), name="image"),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(6, activation="relu", bias_initializer="random_normal"),
            layers.Dense(3, activation="softmax", bias_initializer="random_normal"),
        ]
    )
    rng = np.random.default_rng(2)
    (image,) = _draw((1, 8, 8, 3))

    def samples() -> Iterator[list[Any]]:
        for _ in range(20):
            yield [rng.normal(size=(1, 8, 8, 3)).astype(np.float32)]

    for kind in ("float", "fp16", "dynamic", "int8", "int8_all", "int16x8"):
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if kind != "float":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if kind == "fp16":
            converter.target_spec.supported_types = [tf.float16]
        if kind.startswith("int"):
            converter.representative_dataset = samples
        if kind.startswith("int8"):
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        if kind == "int8_all":
            converter.inference_input_type = converter.inference_output_type = tf.int8
        if kind == "int16x8":
            ops = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
            converter.target_spec.supported_ops = [ops]
        value = rng.integers(-128, 128, image.shape).astype(np.int8) if kind == "int8_all" else image
        write_tflite(f"tflite_{kind}", converter.convert(), [value], folder, paths, answers)

    pool = _pool_flatten_dense()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([pool.__call__.get_concrete_function()], pool)
    write_tflite("tflite_pool_dense", converter.convert(), [image], folder, paths, answers)

    pruned = _pruned()
    for kind, optimizations in (("sparse", []), ("sparse_dynamic", [tf.lite.Optimize.DEFAULT])):
        converter = tf.lite.TFLiteConverter.from_keras_model(pruned)
        converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY, *optimizations]
        write_tflite(f"tflite_{kind}", converter.convert(), [image], folder, paths, answers)
    # the interpreter itself answers NaN to layers that are sparse and of dynamic range: ask the model they come from
    answers["tflite_sparse_dynamic"] = ([image], [np.asarray(pruned(image))])

    counter = _counter()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([counter.__call__.get_concrete_function()], counter)
    converter.experimental_enable_resource_variables = True
    paths["tflite_state"] = folder / "tflite_state.tflite"
    paths["tflite_state"].write_bytes(converter.convert())


def _pruned() -> keras.Model:
    """Nine of ten weights are zero, in the dense layers as blocks of 16: stored sparse, with and without blocks."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3), name="image"),
            layers.Conv2D(16, 1, activation="relu"),
            layers.Conv2D(32, 1),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(16, activation="softmax"),
        ]
    )
    rng = np.random.default_rng(7)
    for layer in model.layers:
        if layer.weights:
            shape, blocks = layer.kernel.shape, 16 if layer.kernel.ndim == 2 else 1
            kept = (rng.random((shape[0] // blocks, *shape[1:])) < 0.1).repeat(blocks, axis=0)
            layer.set_weights([rng.normal(scale=0.5, size=shape) * kept, rng.normal(size=shape[-1:])])
    return model


def _counter() -> tf.Module:
    """A variable that is written: state between calls."""

    class Counter(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.total = tf.Variable(tf.zeros((1, 3)), name="total")

        @tf.function(input_signature=[tf.TensorSpec((1, 3), tf.float32, "x")])
        def __call__(self, x: Any) -> Any:
            self.total.assign(self.total + x)
            return self.total * 2.0

    return Counter()


def _pool_flatten_dense() -> tf.Module:
    """What tf2onnx gets wrong: a FULLY_CONNECTED that flattens rank 4 by itself, with a bias."""

    class PoolDense(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = tf.Variable(np.random.default_rng(1).normal(size=(48, 5)).astype(np.float32))

        @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 3), tf.float32, "image")])
        def __call__(self, image: Any) -> Any:
            flat = tf.reshape(tf.nn.max_pool2d(image, 2, 2, "VALID"), (1, 48))
            return tf.nn.bias_add(tf.matmul(flat, self.w), tf.constant([1.0, 2.0, 3.0, 4.0, 5.0]))

    return PoolDense()


def write_tflite(name: str, data: bytes, values: list[Any], folder: Path, paths: dict[str, Path], answers: Answers) -> None:
    """Write a TFLite file and ask the TFLite interpreter."""
    paths[name] = folder / f"{name}.tflite"
    paths[name].write_bytes(data)
    interpreter = tf.lite.Interpreter(model_content=data)
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), values, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    answers[name] = (values, [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()])


def _damaged(folder: Path, paths: dict[str, Path]) -> None:
    """Each kind, cut in half or filled with noise."""
    for name in ("keras3", "keras3_h5", "tflite_float", "graphdef"):
        source = paths[name]
        data = source.read_bytes()
        paths[f"truncated_{name}"] = folder / f"truncated_{name}{source.suffix}"
        paths[f"truncated_{name}"].write_bytes(data[: len(data) // 2])
    broken = folder / "broken_saved_model"
    broken.mkdir()
    (broken / "saved_model.pb").write_bytes((paths["export"] / "saved_model.pb").read_bytes()[:500])
    paths["broken_saved_model"] = broken
    bare = folder / "bare_saved_model"
    bare.mkdir()
    (bare / "saved_model.pb").write_bytes((paths["export"] / "saved_model.pb").read_bytes())
    paths["bare_saved_model"] = bare
