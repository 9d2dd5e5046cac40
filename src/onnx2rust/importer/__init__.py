"""ModelProto → Program: operators become layers.

The importer walks the nodes in order, binds each to its lowering's signature, folds what is known, and collects every
refusal before it raises: a user sees all that is wrong with a model at once.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from onnx2rust import registry
from onnx2rust.base.errors import InvalidModelError, Problem, UnsupportedError, UsageError
from onnx2rust.base.naming import Names, ident, weight_name
from onnx2rust.base.options import Options
from onnx2rust.builder import Builder, Refuse
from onnx2rust.importer import folding, schema_check
from onnx2rust.importer.half import Door
from onnx2rust.ir import dtypes
from onnx2rust.ir.dims import Dim, TooDeep, symbol, symbols
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import KnownSizes, Origin, Program, TensorType, Value
from onnx2rust.model.readers import Readers

POISON = object()
"""Stands for the outputs of a refused node: nodes that use them are not judged."""
Environment = MutableMapping[str, Any]
_MEANT_BY_NAME = frozenset(("BatchNormalization", "Split"))
"""Operators for which it matters how many outputs a node names: parts of equal size; training mode before opset 14."""


def read(proto: onnx.ModelProto, options: Options) -> Program:
    """Lowers a checked model. Raises InvalidModelError or UnsupportedError with every offending node."""
    return _Importer(schema_check.expand_functions(proto), options).model()


class _Importer:
    def __init__(self, proto: onnx.ModelProto, options: Options) -> None:
        self.proto = proto
        self.options = options
        self.opsets = {"" if o.domain in registry.ONNX_DOMAINS else o.domain: o.version for o in proto.opset_import}
        self.invalid: list[Problem] = []
        self.unsupported: list[Problem] = []
        self.symbol_of: dict[str, Dim] = {}
        self.symbol_names = Names()
        self.growth = folding.Growth()
        self.builder = Builder(self)
        self.index = 0
        self.readers = Readers(onnx.GraphProto())

    # -- the whole model ---------------------------------------------------------------------------------------------

    def model(self) -> Program:
        graph = self.proto.graph
        env: Environment = {}
        self._initializers(graph, env)
        inputs = tuple(self._input(info, env) for info in graph.input if info.name not in {i.name for i in graph.initializer})
        self._nodes(graph, env)
        outputs = self._outputs(graph, env)
        if self.invalid:
            raise InvalidModelError(self.invalid + self.unsupported)
        if self.unsupported:
            raise UnsupportedError(self.unsupported)
        unknown = sorted(set(self.options.dims) - set(self.symbol_of))
        if unknown:
            hint = f"its open sizes: {', '.join(sorted(self.symbol_of)) or 'none'}"
            raise UsageError([Problem(f"--dim {name}: the model has no size of that name", hint=hint) for name in unknown])
        given = dict.fromkeys(s for v in inputs for d in v.shape for s in sorted(symbols(d)))
        return Program(
            graph.name or "model",
            inputs,
            tuple(outputs),
            tuple(o.name for o in graph.output),
            tuple(self.builder.steps),
            tuple(given),
        )

    def inline(self, graph: onnx.GraphProto, outer: Environment) -> list[Value]:
        """Lowers a body in place: the branch of an If whose condition is known."""
        env: Environment = ChainMap({}, outer)
        self._initializers(graph, env)
        self._nodes(graph, env)
        values = [env.get(o.name) for o in graph.output]
        if any(not isinstance(v, Value) for v in values):
            raise Refuse("its branch cannot be converted")
        return [v for v in values if isinstance(v, Value)]

    def body(
        self,
        graph: onnx.GraphProto,
        outer: Environment,
        arguments: list[Value],
        name: str,
        fresh_outputs: Sequence[int],
        finish: Callable[[list[Value]], list[Value]],
    ) -> Program:
        """Lowers a body of If/Loop/Scan: `arguments` are the values of its inputs (see `Builder.body`)."""
        env: Environment = ChainMap({}, outer)
        self._initializers(graph, env)
        for info, value in zip(graph.input, arguments, strict=True):
            env[info.name] = value
        with self.builder.inner_steps() as steps:
            self._nodes(graph, env)
            outputs = self._outputs(graph, env)
            if len(outputs) != len(graph.output):
                raise Refuse(f"its {name} cannot be converted")
            outputs = self.builder.own_results(finish(outputs), fresh_outputs)
            return Program(name, tuple(arguments), tuple(outputs), tuple(o.name for o in graph.output), tuple(steps))

    # -- values ------------------------------------------------------------------------------------------------------

    def _initializers(self, graph: onnx.GraphProto, env: Environment) -> None:
        for tensor in graph.initializer:
            dtype = dtypes.from_onnx(tensor.data_type)
            if dtype is None:
                self._refuse_type(f"initializer {tensor.name!r}", tensor.data_type)
                env[tensor.name] = POISON
                continue
            try:
                array = numpy_helper.to_array(tensor)
            except (ValueError, TypeError) as error:
                self.invalid.append(Problem(f"cannot be read: {error}", where=f"initializer {tensor.name!r}"))
                env[tensor.name] = POISON
                continue
            env[tensor.name] = self.constant(array, tensor.name)

    def constant(self, content: np.ndarray[Any, Any] | KnownSizes, name: str, sizes_dtype: DType = DType.I64) -> Value:
        """A value known at conversion; `sizes_dtype` is the type that sizes have in the model."""
        if isinstance(content, KnownSizes) and all(isinstance(v, int) for v in content.elements.ravel().tolist()):
            content = content.elements.astype(sizes_dtype.numpy)
        shape = tuple(content.shape)
        if isinstance(content, KnownSizes):
            return Value(weight_name(name), TensorType(sizes_dtype, shape), content)
        dtype = dtypes.from_numpy(content.dtype)
        if dtype is None:
            raise Refuse(f"constant {name!r} has element type {content.dtype}, which is not supported")
        return Value(weight_name(name), TensorType(dtype, shape), content)

    def _input(self, info: onnx.ValueInfoProto, env: Environment) -> Value:
        where = f"input {info.name!r}"
        type_ = TensorType(DType.F32, ())
        if not info.type.HasField("tensor_type"):
            self.unsupported.append(Problem(f"is a {info.type.WhichOneof('value')}, only tensors are supported", where=where))
            env[info.name] = POISON
            return Value(info.name, type_)
        tensor = info.type.tensor_type
        dtype = dtypes.from_onnx(tensor.elem_type)
        if dtype is None:
            self._refuse_type(where, tensor.elem_type)
            env[info.name] = POISON
            return Value(info.name, type_)
        if not tensor.HasField("shape"):
            self.unsupported.append(
                Problem("has no shape, not even a rank", where=where, hint="export it with a shape; sizes may be symbolic")
            )
        shape = tuple(self._dim(d, info.name, axis) for axis, d in enumerate(tensor.shape.dim))
        type_ = TensorType(dtype, shape)
        value = Value(info.name, type_)
        env[info.name] = value
        return value

    def _dim(self, dim: onnx.TensorShapeProto.Dimension, tensor: str, axis: int) -> Dim:
        if dim.HasField("dim_value") and dim.dim_value >= 0:
            return int(dim.dim_value)
        name = dim.dim_param or f"{tensor}_dim{axis}"
        if name not in self.symbol_of:
            given = self.options.dims.get(name)
            self.symbol_of[name] = given if given is not None else symbol(self.symbol_names.unique(ident(name, "size")))
        return self.symbol_of[name]

    def _outputs(self, graph: onnx.GraphProto, env: Environment) -> list[Value]:
        values = []
        for info in graph.output:
            value = env.get(info.name)
            if value is None:
                self.invalid.append(Problem("is produced by no node", where=f"output {info.name!r}"))
            elif value is not POISON:
                values.append(self.builder.materialise(value))
        return values

    # -- nodes -------------------------------------------------------------------------------------------------------

    def _nodes(self, graph: onnx.GraphProto, env: Environment) -> None:
        outside, self.readers = self.readers, Readers(graph)
        for node in graph.node:
            self._node(node, env)
            self.index += 1
        self.readers = outside

    def _node(self, node: onnx.NodeProto, env: Environment) -> None:
        domain = "" if node.domain in registry.ONNX_DOMAINS else node.domain
        opset = self.opsets.get(domain, 1)
        origin = Origin(node.name or (node.output[0] if node.output else ""), node.op_type, domain, opset, self.index)
        inputs: list[Value | None] = []
        for name in node.input:
            value = env.get(name) if name else None
            if name and value is None:
                self.invalid.append(Problem(f"input {name!r} is defined nowhere before it", where=str(origin)))
                value = POISON
            inputs.append(value)
        results: tuple[Any, ...]
        try:
            if any(v is POISON for v in inputs):
                known = registry.lookup(node.op_type, domain, opset)
                if isinstance(known, Problem):
                    raise Refuse(known.what, known.hint)
                results = ()
            else:
                results = self._guarded(node, origin, inputs, env)
                for position, name in enumerate(node.output):
                    if (position >= len(results) or results[position] is None) and name and self.readers.of([name]):
                        raise Refuse(f"its output {position} ({name!r}) is not computed")
        except Refuse as refusal:
            shapes = ", ".join(str(v.type) if isinstance(v, Value) else "-" for v in inputs)
            where = f"{origin} on ({shapes})"
            bucket = self.invalid if refusal.invalid else self.unsupported
            bucket.extend(Problem(p.what, where, p.hint) for p in refusal.problems)
            results = ()
        for position, name in enumerate(node.output):
            if name:
                if name in env and not isinstance(env, ChainMap):
                    self.invalid.append(Problem(f"output {name!r} is defined twice", where=str(origin)))
                result = results[position] if position < len(results) else POISON
                env[name] = POISON if result is None else result

    def _guarded(self, node: onnx.NodeProto, origin: Origin, inputs: list[Value | None], env: Environment) -> tuple[Any, ...]:
        try:
            return self._lower(node, origin, inputs, env)
        except TooDeep as error:
            raise Refuse(str(error), "fix open sizes with --dim") from error
        except (ValueError, TypeError, IndexError, KeyError, ZeroDivisionError, OverflowError) as error:
            if self.options.verbosity >= 3:
                raise
            # a hostile model can hold any attribute or constant: what trips the arithmetic of sizes is the model's fault
            raise Refuse(f"attributes or shapes do not fit the operator ({error})", invalid=True) from error

    def _lower(self, node: onnx.NodeProto, origin: Origin, inputs: list[Value | None], env: Environment) -> tuple[Any, ...]:
        schema_check.check_types(node, origin, inputs)
        attributes = {a.name: _attribute(a) for a in node.attribute}
        present = [v for v in inputs if v is not None]
        if present and all(v.const is not None for v in present):
            folded = folding.fold(node, origin, inputs, attributes, self.growth)
            if folded is not None:
                dtype = folding.sizes_dtype(node, inputs, attributes)
                return tuple(self.constant(a, name, dtype) for a, name in zip(folded, node.output, strict=True))
        operator = registry.lookup(node.op_type, origin.domain, origin.opset)
        if isinstance(operator, Problem):
            raise Refuse(operator.what, operator.hint)
        keywords = registry.bind_attributes(operator, attributes)
        if isinstance(keywords, list):
            raise Refuse(keywords, invalid=True)
        if operator.n_outputs:
            keywords["n_outputs"] = self._wanted(node)
        self.builder.enter(origin, env)
        door = Door(self.builder, node, origin, inputs, self.readers)
        result = operator.function(self.builder, *self.builder.bind(operator, door.inputs), **keywords)
        return door.outputs(result if isinstance(result, tuple) else (result,))

    def _wanted(self, node: onnx.NodeProto) -> int:
        """How many outputs the lowering has to give: those up to the last one that is read, or is named where names have a meaning."""
        named = node.op_type in _MEANT_BY_NAME
        return max((k + 1 for k, name in enumerate(node.output) if name and (named or self.readers.of([name]))), default=1)

    def _refuse_type(self, where: str, code: int) -> None:
        try:
            name = onnx.TensorProto.DataType.Name(code)
        except ValueError:
            self.invalid.append(Problem(f"has element type {code}, which ONNX does not know", where=where))
            return
        supported = ", ".join(t.value[0] for t in DType)
        self.unsupported.append(
            Problem(f"has element type {name}, which is not supported", where=where, hint=f"supported: {supported}")
        )


def _attribute(attribute: onnx.AttributeProto) -> Any:
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if attribute.type in (onnx.AttributeProto.INTS, onnx.AttributeProto.FLOATS):
        return list(value)
    if attribute.type == onnx.AttributeProto.STRINGS:
        return [v.decode("utf-8", "replace") for v in value]
    return value
