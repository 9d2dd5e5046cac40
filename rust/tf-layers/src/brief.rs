//! `Debug` of what holds weights: types and lengths, never megabytes of numbers.

use core::fmt;

/// Elements whose `Debug` is their type and number: `[f32; 1024]`.
#[derive(Clone, Copy)]
pub struct Brief<'a, T>(pub &'a [T]);

impl<T> fmt::Debug for Brief<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = core::any::type_name::<T>();
        let name = path.rsplit("::").next().unwrap_or(path);
        write!(f, "[{name}; {}]", self.0.len())
    }
}

/// What weights are shown as: slices that are there or not.
#[cfg(any(
    feature = "classical",
    feature = "conv",
    feature = "dense",
    feature = "gru",
    feature = "integer",
    feature = "lstm",
    feature = "norm",
    feature = "rnn",
    feature = "svm",
    feature = "tree"
))]
pub(crate) trait Shown {
    /// The short form.
    fn shown(self) -> impl fmt::Debug;
}

#[cfg(any(
    feature = "classical",
    feature = "conv",
    feature = "dense",
    feature = "gru",
    feature = "integer",
    feature = "lstm",
    feature = "norm",
    feature = "rnn",
    feature = "svm",
    feature = "tree"
))]
impl<T> Shown for &[T] {
    fn shown(self) -> impl fmt::Debug {
        Brief(self)
    }
}

#[cfg(any(
    feature = "classical",
    feature = "conv",
    feature = "dense",
    feature = "gru",
    feature = "integer",
    feature = "lstm",
    feature = "norm",
    feature = "rnn",
    feature = "svm",
    feature = "tree"
))]
impl<T> Shown for Option<&[T]> {
    fn shown(self) -> impl fmt::Debug {
        self.map(Brief)
    }
}

/// `Debug` of a layer: its parameters as they are, its weights in short. `brief!([const D: usize] Conv<'_, D>: group, …; kernel, bias)`.
#[cfg(any(
    feature = "classical",
    feature = "conv",
    feature = "dense",
    feature = "gru",
    feature = "integer",
    feature = "lstm",
    feature = "norm",
    feature = "rnn",
    feature = "svm",
    feature = "tree"
))]
macro_rules! brief {
    ([$($generics:tt)*] $layer:ident<$($argument:tt),+>: $($field:ident),*; $($weight:ident),+) => {
        impl<$($generics)*> core::fmt::Debug for $layer<$($argument),+> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($layer))
                    $(.field(stringify!($field), &self.$field))*
                    $(.field(stringify!($weight), &$crate::brief::Shown::shown(self.$weight)))+
                    .finish()
            }
        }
    };
}
#[cfg(any(
    feature = "classical",
    feature = "conv",
    feature = "dense",
    feature = "gru",
    feature = "integer",
    feature = "lstm",
    feature = "norm",
    feature = "rnn",
    feature = "svm",
    feature = "tree"
))]
pub(crate) use brief;

#[cfg(test)]
mod tests {
    use super::Brief;

    #[test]
    fn a_type_without_its_path_and_a_length() {
        assert_eq!(format!("{:?}", Brief(&[1.0_f32; 3])), "[f32; 3]");
        assert_eq!(
            format!("{:?}", Brief::<crate::Aligned<u8>>(&[])),
            "[Aligned<u8>; 0]"
        );
    }
}
