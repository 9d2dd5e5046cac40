//! Layers that have no parameters.

/// Declares them: a struct without fields, and `checked`, which every layer has.
macro_rules! plain {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name;

        impl $name {
            /// Checks the parameters (there is nothing to check).
            #[must_use]
            pub const fn checked(self) -> Self {
                self
            }
        }
    )*};
}
pub(crate) use plain;
