"""The intermediate representation: sizes, element types, layers, steps, programs, and what must hold of them."""
