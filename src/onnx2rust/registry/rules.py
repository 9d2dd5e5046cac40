"""What the elements of an input may be, as rules that draw them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
MOST = 4
"""The largest size that is drawn for an axis that only the input's own values decide."""


class Rule:
    """Draws the elements of an array of some shape, as integers (or floats: `float_`). A rule of
    greater `weight` replaces others."""

    weight = 1

    def draw(self, shape: Shape, float_: bool, rng: np.random.Generator) -> Array:
        """The elements."""
        raise NotImplementedError

    def joined(self, other: Rule) -> Rule:
        """One rule for both."""
        return other if other.weight > self.weight else self


@dataclass(frozen=True)
class Within(Rule):
    """Each element from `low` to `high`, both included; the last axis may have a `high` for each of its elements."""

    low: int
    high: int | Shape
    weight = 2

    def draw(self, shape: Shape, float_: bool, rng: np.random.Generator) -> Array:
        high = np.maximum(np.asarray(self.high), self.low)
        if high.ndim and shape[-1:] != high.shape:
            high = high.min(initial=np.iinfo(np.int64).max)
        return rng.uniform(self.low, high, shape) if float_ else np.asarray(rng.integers(self.low, high + 1, shape))

    def joined(self, other: Rule) -> Rule:
        """What both allow; the first where there is no such thing."""
        if not isinstance(other, Within):
            return super().joined(other)
        if isinstance(self.high, tuple) and isinstance(other.high, tuple) and len(self.high) == len(other.high):
            high: int | Shape = tuple(map(min, self.high, other.high))
        else:
            high = min(_least(self.high), _least(other.high))
        low = max(self.low, other.low)
        return Within(low, high) if low <= _least(high) else self

    def shifted(self, by: int) -> Within:
        """What is in the range when `by` is taken away again; the range itself if that would be
        nothing (an id that wraps around)."""
        high = self.high + by if isinstance(self.high, int) else tuple(h + by for h in self.high)
        return Within(max(0, self.low + by), high) if by and _least(high) >= 0 else self


def _least(high: int | Shape) -> int:
    return min(high, default=0) if isinstance(high, tuple) else high


@dataclass(frozen=True)
class Usual(Rule):
    """Numbers of the type's usual range, none below `low`: divisors, scales."""

    low: float

    def draw(self, shape: Shape, float_: bool, rng: np.random.Generator) -> Array:
        if float_:
            return np.abs(np.asarray(rng.standard_normal(shape))) + self.low
        return np.asarray(rng.integers(math.ceil(self.low), 8, shape))


@dataclass(frozen=True)
class Mask(Rule):
    """0 or 1, and 1 first: something is not masked, or a softmax has nothing to choose from."""

    weight = 4

    def draw(self, shape: Shape, float_: bool, rng: np.random.Generator) -> Array:
        mask = np.asarray(rng.integers(0, 2, shape))
        if mask.ndim:
            mask[..., :1] = 1
        return mask


@dataclass(frozen=True)
class Only(Rule):
    """One value: the others are for training, or an error."""

    value: int
    weight = 5

    def draw(self, shape: Shape, float_: bool, rng: np.random.Generator) -> Array:
        return np.full(shape, self.value)


@dataclass(frozen=True)
class Among(Rule):
    """One of these words each."""

    words: tuple[str, ...] | tuple[int, ...]
    weight = 5

    def draw(self, shape: Shape, float_: bool, rng: np.random.Generator) -> Array:
        return np.asarray(np.array(self.words)[rng.integers(0, len(self.words), shape)])


@dataclass(frozen=True)
class Axes(Rule):
    """Different axes out of `among`, of a tensor with `rank` axes; some are counted from the end."""

    among: Shape
    rank: int
    weight = 3

    def draw(self, shape: Shape, float_: bool, rng: np.random.Generator) -> Array:
        count = math.prod(shape)
        chosen = np.resize(rng.permutation(np.array(self.among, np.int64)), count)
        return (chosen - self.rank * rng.integers(0, 2, count)).reshape(shape)


@dataclass(frozen=True)
class Parts(Rule):
    """Sizes that sum to `total`, each at least 1 if that can be."""

    total: int
    weight = 3

    def draw(self, shape: Shape, float_: bool, rng: np.random.Generator) -> Array:
        count = math.prod(shape)
        least = 1 if self.total >= count else 0
        cuts = np.sort(rng.integers(0, self.total - least * count + 1, max(count - 1, 0)))
        return (np.diff(cuts, prepend=0, append=self.total - least * count)[:count] + least).reshape(shape)


@dataclass(frozen=True)
class Factors(Rule):
    """Sizes whose product is `total`."""

    total: int
    weight = 3

    def draw(self, shape: Shape, float_: bool, rng: np.random.Generator) -> Array:
        """The prime factors, each given to one of the sizes."""
        count = math.prod(shape)
        sizes = np.ones(count, np.int64)
        left = self.total
        for prime in (2, 3, 5, 7, 11, 13):
            while count and left and left % prime == 0:
                sizes[rng.integers(count)] *= prime
                left //= prime
        if count:
            sizes[rng.integers(count)] *= left
        return sizes.reshape(shape)


@dataclass(frozen=True)
class Wider(Rule):
    """Sizes that a tensor of `shape` can be broadcast with."""

    shape: Shape
    weight = 3

    def draw(self, shape: Shape, float_: bool, rng: np.random.Generator) -> Array:
        """Axes of size 1 get any size, the others 1 or their own; further axes come in front."""
        count = math.prod(shape)
        own = ((1,) * count + self.shape)[len(self.shape) :]
        grown = rng.integers(1, MOST, count)
        kept = rng.integers(0, 2, count)
        sizes = [g if o == 1 else o if k else 1 for o, g, k in zip(own, grown, kept, strict=True)]
        return np.array(sizes, np.int64).reshape(shape)


@dataclass(frozen=True)
class Resized(Rule):
    """Sizes of a resized image (or, as floats, their ratio to `shape`): batch and channels stay."""

    shape: Shape
    weight = 3

    def draw(self, shape: Shape, float_: bool, rng: np.random.Generator) -> Array:
        count = math.prod(shape)
        own = np.array(self.shape[len(self.shape) - count :])
        first = max(0, 2 - (len(self.shape) - count)) if len(self.shape) > 2 else 0
        ratio = rng.choice([0.5, 1.0, 1.5, 2.0], count)
        ratio[:first] = 1
        return (ratio if float_ else np.maximum(1, own * ratio).astype(np.int64)).reshape(shape)
