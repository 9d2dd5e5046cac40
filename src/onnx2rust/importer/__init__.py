"""ModelProto → Program: operators become layers.

The importer walks the nodes in order, binds each to its lowering's signature, folds what is known, and collects every
refusal before it raises: a user sees all that is wrong with a model at once.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Sequence
from typing import Any

import onnx

from onnx2rust.base.errors import InvalidModelError, Problem, Refuse, UnsupportedError, UsageError
from onnx2rust.base.options import Options
from onnx2rust.builder import Builder, Environment
from onnx2rust.importer import binding, folding, integers, schema_check
from onnx2rust.importer.half import Door
from onnx2rust.importer.ranks import Gate, stated
from onnx2rust.ir import dtypes
from onnx2rust.ir.dims import Dim, TooDeep, symbols
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Labels, Origin, Program, Value
from onnx2rust.ir.types import MapType, OptionalType, SequenceType, TensorType, Type, UnrankedType
from onnx2rust.model.graph import names_read
from onnx2rust.model.schemas import ONNX_DOMAINS
from onnx2rust.model.weights import NONE, Weights
from onnx2rust.model.weights import array as array_of
from onnx2rust.ops import facts_of, lookup, unranked
from onnx2rust.registry.facts import Strings

_OF_TENSORS: dict[str, type[SequenceType]] = {"sequence_type": SequenceType, "optional_type": OptionalType}
POISON = object()
"""Stands for the outputs of a refused node: nodes that use them are not judged."""


def read(proto: onnx.ModelProto, options: Options, weights: Weights = NONE) -> Program:
    """Lowers a checked model, whose large initializers are `weights`. Raises InvalidModelError or UnsupportedError with every
    offending node."""
    return _Importer(rewritten(proto, options, weights), options, weights).model()


def rewritten(proto: onnx.ModelProto, options: Options, weights: Weights = NONE) -> onnx.ModelProto:
    """The model whose nodes are lowered, itself if nothing is to be put in their place: functions as what ONNX defines them by,
    products of dequantised tensors as products of integers."""
    return integers.read(schema_check.expand_functions(proto), weights, depthwise=options.static)


class _Importer:
    def __init__(self, proto: onnx.ModelProto, options: Options, weights: Weights) -> None:
        self.proto, self.weights = proto, weights
        self.options = options
        self.opsets = {"" if o.domain in ONNX_DOMAINS else o.domain: o.version for o in proto.opset_import}
        self.invalid: list[Problem] = []
        self.unsupported: list[Problem] = []
        self.growth = folding.Growth()
        self.builder = Builder(self._graph)
        self.builder.small = options.static
        self.index = 0
        self.read: set[str] = set()
        """The names that the graph at hand reads."""
        self.stated: dict[str, list[int | None]] = {}
        """The shapes that it states."""

    # -- the whole model ---------------------------------------------------------------------------------------------

    def model(self) -> Program:
        graph = self.proto.graph
        env: Environment = {}
        self._initializers(graph, env)
        inputs = tuple(self._input(info, env) for info in graph.input if info.name not in {i.name for i in graph.initializer})
        self._nodes(graph, env)
        outputs = [self.builder.materialise(v) for v in self._outputs(graph, env)]
        if self.invalid:
            raise InvalidModelError(self.invalid + self.unsupported)
        if self.unsupported:
            raise UnsupportedError(self.unsupported)
        unknown = sorted(set(self.options.dims) - set(self.builder.given))
        if unknown:
            hint = f"its open sizes: {', '.join(sorted(self.builder.given)) or 'none'}"
            raise UsageError([Problem(f"--dim {name}: the model has no size of that name", hint=hint) for name in unknown])
        given = dict.fromkeys(s for v in inputs if isinstance(v.type, TensorType) for d in v.shape for s in sorted(symbols(d)))
        return Program(
            graph.name or "model",
            inputs,
            tuple(outputs),
            tuple(o.name for o in graph.output),
            tuple(self.builder.collected),
            tuple(given),
            tuple(Labels.of(v.type) for v in outputs),
        )

    def _graph(self, graph: onnx.GraphProto, outer: Environment, arguments: Sequence[Value]) -> list[Value]:
        """Lowers the graph that a node holds (`builder.Reader`)."""
        env: Environment = ChainMap({}, outer)
        self._initializers(graph, env)
        env.update(zip((info.name for info in graph.input), arguments, strict=True))
        self._nodes(graph, env)
        return self._outputs(graph, env)

    # -- values ------------------------------------------------------------------------------------------------------

    def _initializers(self, graph: onnx.GraphProto, env: Environment) -> None:
        for tensor in graph.initializer:
            dtype = dtypes.from_onnx(tensor.data_type)
            if dtype is None and tensor.data_type != onnx.TensorProto.STRING:
                self._refuse_type(f"initializer {tensor.name!r}", tensor.data_type)
                env[tensor.name] = POISON
                continue
            try:
                array = array_of(tensor, self.weights)
            except (ValueError, TypeError) as error:
                self.invalid.append(Problem(f"cannot be read: {error}", where=f"initializer {tensor.name!r}"))
                env[tensor.name] = POISON
                continue
            env[tensor.name] = self.builder.constant(array, tensor.name)

    def _input(self, info: onnx.ValueInfoProto, env: Environment) -> Value:
        where = f"input {info.name!r}"
        outer, item = str(info.type.WhichOneof("value")), info.type
        if outer in _OF_TENSORS:
            item = getattr(item, outer).elem_type
        elif outer == "map_type":
            item = item.map_type.value_type
        tensor = item.tensor_type
        keys = dtypes.from_onnx(info.type.map_type.key_type)
        dtype = dtypes.from_onnx(tensor.elem_type)
        if not item.HasField("tensor_type"):
            kinds = outer if item is info.type else f"{outer} of {item.WhichOneof('value')}"
            what = f"is of {kinds}; tensors, sequences of tensors, optional tensors and maps are supported"
            self.unsupported.append(Problem(what, where=where))
        elif dtype is None:
            self._refuse_type(where, tensor.elem_type)
        elif outer == "map_type" and keys not in (DType.I64, DType.STRING):
            self.unsupported.append(Problem(f"is a map whose keys are {keys}; int64 and string are supported", where=where))
        else:
            type_ = MapType(dtype, keys) if keys else self._type(info.name, dtype, tensor, _OF_TENSORS.get(outer))
            value = Value(info.name, type_)
            env[info.name] = value
            return value
        env[info.name] = POISON
        return Value(info.name, TensorType(DType.F32, ()))

    def _type(self, name: str, dtype: DType, tensor: onnx.TypeProto.Tensor, outer: type[SequenceType] | None) -> Type:
        """The type of an input: of a tensor, or of what holds such tensors."""
        if outer:
            shape = tuple(int(d.dim_value) if d.HasField("dim_value") else None for d in tensor.shape.dim)
            return outer(dtype, shape if tensor.HasField("shape") else None)
        if not tensor.HasField("shape"):
            return UnrankedType(dtype)
        return TensorType(dtype, tuple(self._dim(d, name, axis) for axis, d in enumerate(tensor.shape.dim)))

    def _dim(self, dim: onnx.TensorShapeProto.Dimension, tensor: str, axis: int) -> Dim:
        if dim.HasField("dim_value") and dim.dim_value >= 0:
            return int(dim.dim_value)
        name = dim.dim_param or f"{tensor}_dim{axis}"
        return self.builder.give(name, self.options.dims.get(name))

    def _outputs(self, graph: onnx.GraphProto, env: Environment) -> list[Value]:
        values = []
        for info in graph.output:
            value = env.get(info.name)
            if value is None:
                self.invalid.append(Problem("is produced by no node", where=f"output {info.name!r}"))
            elif value is not POISON and isinstance(value.type, MapType):
                self.unsupported.append(Problem("is a map; only inputs can be maps", where=f"output {info.name!r}"))
            elif value is not POISON:
                values.append(value)
        return values

    # -- nodes -------------------------------------------------------------------------------------------------------

    def _nodes(self, graph: onnx.GraphProto, env: Environment) -> None:
        outside = self.read, self.stated
        self.read, self.stated = {name for node in graph.node for name in names_read(node)}, stated(graph)
        self.read |= {output.name for output in graph.output}
        for node in graph.node:
            self._node(node, env)
            self.index += 1
        self.read, self.stated = outside

    def _node(self, node: onnx.NodeProto, env: Environment) -> None:
        domain = "" if node.domain in ONNX_DOMAINS else node.domain
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
                known = lookup(node.op_type, domain, opset)
                if isinstance(known, Problem):
                    raise Refuse(known.what, known.hint)
                results = ()
            else:
                results = self._guarded(node, origin, inputs, env)
                for position, name in enumerate(node.output):
                    if (position >= len(results) or results[position] is None) and name in self.read:
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
        strings = any(v.type.is_text for v in present)
        if strings:
            inputs = self._texts(origin, inputs)
        if present and not strings and all(v.const is not None for v in present):
            folded = folding.fold(node, origin, inputs, attributes, self.growth)
            if folded is not None:
                dtype = folding.sizes_dtype(node, inputs, attributes)
                return tuple(self.builder.constant(a, name, dtype) for a, name in zip(folded, node.output, strict=True))
        operator = lookup(node.op_type, origin.domain, origin.opset)
        if isinstance(operator, Problem):
            raise Refuse(operator.what, operator.hint)
        keywords = binding.keywords(operator, attributes)
        if operator.n_outputs:
            keywords["n_outputs"] = self._wanted(node)
        self.builder.enter(origin, env)
        gate = Gate(self.builder, origin, inputs)
        door = Door(self.builder, origin, gate.inputs)
        result = operator.function(self.builder, *binding.arguments(self.builder, operator, door.inputs), **keywords)
        results = gate.outputs(door.outputs(result if isinstance(result, tuple) else (result,)))
        names = [*node.output, *[""] * (len(results) - len(node.output))]
        return tuple(self._as_stated(v, name) for v, name in zip(results, names, strict=False))

    def _as_stated(self, value: Value | None, name: str) -> Value | None:
        """The value with the rank that the model states, where only the run decides it."""
        shape = self.stated.get(name)
        if value is None or shape is None or not isinstance(value.type, UnrankedType):
            return value
        return unranked.ranked(self.builder, value, shape)

    def _texts(self, origin: Origin, inputs: list[Value | None]) -> list[Value | None]:
        """Inputs of which some are strings, as the lowering takes them."""
        known = facts_of(origin.op, origin.domain).strings
        if known is None:
            operator = lookup(origin.op, origin.domain, origin.opset)
            if isinstance(operator, Problem):
                raise Refuse(operator.what, operator.hint)
            raise Refuse(f"operator {origin.op} of strings is not supported")
        return inputs if known is Strings.PLACES else [v if v is None else self.builder.text(v) for v in inputs]

    def _wanted(self, node: onnx.NodeProto) -> int:
        """How many outputs the lowering has to give: those up to the last one that is read, or is
        named where names have a meaning."""
        named = facts_of(node.op_type, node.domain).counts_names
        return max((k + 1 for k, name in enumerate(node.output) if name and (named or name in self.read)), default=1)

    def _refuse_type(self, where: str, code: int) -> None:
        try:
            name = onnx.TensorProto.DataType.Name(code)
        except ValueError:
            self.invalid.append(Problem(f"has element type {code}, which ONNX does not know", where=where))
            return
        supported = dtypes.known()
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
