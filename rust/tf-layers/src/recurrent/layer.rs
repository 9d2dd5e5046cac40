//! What recurrent layers have in common, whether their weights are packed or not.

use crate::activation::Activation;
use crate::cpu::Simd;

/// A recurrent layer, and its twin whose weights are inputs of the model and are packed in every run.
///
/// The layer itself has a method `unrolled`, which takes all steps. Its twin has `order` (how many gates of R are
/// multiplied first, and how many have their two biases added), and a method for each of the `vectors` (their number per
/// hidden unit behind the colon) that packs it.
macro_rules! recurrent {
    (
        $(#[$about:meta])*
        $layer:ident, $twin:ident($given:ident, $weights:ident) -> $out:ident;
        gates: $gates:literal;
        extra: $extra:literal;
        $(#[$order:meta])* activations: $activations:literal;
        vectors { $($(#[$vector_about:meta])* $vector:ident: $count:literal $(if $flag:ident)?,)* }
        options { $($(#[$option_about:meta])* $option:ident: $type:ty,)* }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy)]
        pub struct $layer<'w> {
            /// Last axis of x.
            pub inputs: usize,
            /// Hidden units.
            pub hidden: usize,
            /// Which way the sequence is read.
            pub directions: Directions,
            /// Packed W.
            pub kernel: &'w [f32],
            /// Packed R.
            pub recurrent_kernel: &'w [f32],
            /// Packed B, if any.
            pub bias: Option<&'w [f32]>,
            $($(#[$vector_about])* pub $vector: Option<&'w [f32]>,)*
            $(#[$order])*
            pub activations: [Activation; $activations],
            /// Bound of |x| for what the gates' activations get, if any.
            pub clip: Option<f32>,
            $($(#[$option_about])* pub $option: $type,)*
        }

        brief!([] $layer<'_>: inputs, hidden, directions, activations, clip $(, $option)*;
            kernel, recurrent_kernel, bias $(, $vector)*);

        impl $layer<'_> {
            /// Lengths of the packed W, R and B.
            #[must_use]
            pub const fn packed_lens(directions: Directions, inputs: usize, hidden: usize) -> [usize; 3] {
                packed_lens(directions.count(), $gates, inputs, hidden)
            }

            /// Checks the lengths; in a constant a mistake is a compile error.
            #[must_use]
            pub const fn checked(self) -> Self {
                let [kernel, recurrent, bias] = Self::packed_lens(self.directions, self.inputs, self.hidden);
                assert!(self.hidden > 0, concat!(stringify!($layer), ": hidden"));
                assert!(self.kernel.len() == kernel, concat!(stringify!($layer), ": kernel length"));
                assert!(
                    self.recurrent_kernel.len() == recurrent,
                    concat!(stringify!($layer), ": recurrent_kernel length")
                );
                if let Some(b) = self.bias {
                    assert!(b.len() == bias, concat!(stringify!($layer), ": bias length"));
                }
                $(if let Some(v) = self.$vector {
                    assert!(
                        v.len() == bias / $gates * $count $(&& self.$flag)?,
                        concat!(stringify!($layer), ": ", stringify!($vector))
                    );
                })*
                self
            }

            /// Elements of scratch that a run needs at most: gate inputs of all steps, and states.
            #[must_use]
            pub const fn scratch_len(&self, steps: usize, batch: usize) -> usize {
                scratch_len(steps, batch, self.hidden, [$gates, $extra], true)
            }

            /// Runs over the whole sequence. Rows with a `sequence_lens` below `steps` stop there: later steps of y are 0.
            ///
            /// # Errors
            /// If a sequence length is negative or larger than `steps`.
            pub fn run(&self, cpu: Cpu, given: $given, out: $out, scratch: &mut dyn Scratch) -> Result<()> {
                let Self { inputs, hidden, directions, kernel, bias, .. } = *self;
                let given = given.into();
                let unroll = Unroll { inputs, hidden, directions, kernel, bias, given };
                self.unrolled(&unroll, cpu, out.into(), scratch)
            }
        }

        #[doc = concat!("[`", stringify!($layer), "`] with weights as ONNX has them.")]
        #[derive(Debug, Clone, Copy)]
        pub struct $twin {
            /// Last axis of x.
            pub inputs: usize,
            /// Hidden units.
            pub hidden: usize,
            /// Which way the sequence is read.
            pub directions: Directions,
            $(#[$order])*
            pub activations: [Activation; $activations],
            /// Bound of |x| for what the gates' activations get, if any.
            pub clip: Option<f32>,
            $($(#[$option_about])* pub $option: $type,)*
        }

        impl $twin {
            const fn shape(&self) -> Shape {
                let Self { inputs, hidden, directions, .. } = *self;
                let [split, summed] = self.order();
                Shape { directions: directions.count(), gates: $gates, inputs, hidden, split, summed }
            }

            /// Elements of scratch that a run needs at most: the packed weights, gate inputs of all steps, and states.
            #[must_use]
            pub const fn scratch_len(&self, steps: usize, batch: usize) -> usize {
                self.shape().len() + scratch_len(steps, batch, self.hidden, [$gates, $extra], true)
            }

            /// Checks the parameters; in a constant a mistake is a compile error.
            #[must_use]
            pub const fn checked(self) -> Self {
                assert!(self.hidden > 0, concat!(stringify!($twin), ": hidden"));
                self
            }

            /// Packs the weights and runs.
            ///
            /// # Errors
            #[doc = concat!("As [`", stringify!($layer), "::run`].")]
            pub fn run(
                &self,
                cpu: Cpu,
                given: $given,
                weights: $weights,
                out: $out,
                scratch: &mut dyn Scratch,
            ) -> Result<()> {
                let Self { inputs, hidden, directions, activations, clip $(, $option)* } = *self;
                let shape = self.shape();
                let end = given.sequence_lens.is_some();
                let need = scratch_len(given.steps, given.batch, hidden, [$gates, $extra], end);
                let (room, rest) = scratch.fit(shape.len() + need)?.split_at_mut(shape.len());
                let packed = shape.pack(weights.into(), room);
                $layer {
                    inputs,
                    hidden,
                    directions,
                    kernel: packed.kernel,
                    recurrent_kernel: packed.recurrent,
                    bias: packed.bias,
                    $($vector: self.$vector(weights, packed.vectors),)*
                    activations,
                    clip,
                    $($option,)*
                }
                .run(cpu, given, out, &mut Rest(rest))
            }
        }
    };
}
pub(super) use recurrent;

/// x = activation(clip(x))
#[inline(always)]
pub(super) fn activate<S: Simd>(s: S, activation: Activation, clip: Option<f32>, x: &mut [f32]) {
    if let Some(limit) = clip {
        x.iter_mut()
            .for_each(|v| *v = v.clamp(-limit.abs(), limit.abs()));
    }
    activation.apply_at(s, x);
}
