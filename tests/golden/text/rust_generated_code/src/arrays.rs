//! The model on arrays by name: `.npz` files in, arrays out.

use super::model::{Inputs, Outputs, Sizes, TextModel};
use tf_layers::npz::{Array, Npz};
use tf_layers::signature::SignatureError;

/// Inputs read from an archive, by their names in the model file.
#[derive(Debug, Clone)]
pub struct ArrayInputs {
    sizes: Sizes,
    tokens: Vec<i64>,
}

impl ArrayInputs {
    /// Reads every input; with `sample: Some(k)`, row k of arrays that hold one flattened row a sample.
    ///
    /// # Errors
    /// If an input is missing, of another type, or of a shape that does not fit.
    pub fn read(npz: &Npz, sample: Option<usize>) -> Result<Self, SignatureError> {
        let tensors = TextModel::INPUTS;
        let (input_0, shape_0) = tensors[0].read(npz, sample)?;
        let shapes: [&[usize]; 1] = [&shape_0];
        let sizes = tf_layers::signature::sizes(["batch", "length"], tensors, &shapes)?;
        Ok(Self {
            sizes: Sizes {
                batch: sizes[0],
                length: sizes[1],
            },
            tokens: input_0,
        })
    }

    /// The sizes that the arrays have.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// The inputs as [`TextModel::predict`] takes them.
    #[must_use]
    pub fn inputs(&self) -> Inputs<'_> {
        Inputs {
            tokens: &self.tokens,
        }
    }

    /// Runs the model on these inputs.
    ///
    /// # Errors
    /// As [`TextModel::predict`].
    pub fn predict<'a>(
        &self,
        model: &TextModel,
        ws: &'a mut super::Workspace,
    ) -> Result<Outputs<'a>, super::Error> {
        model.predict(self.sizes, self.inputs(), ws)
    }
}

impl Outputs<'_> {
    /// The outputs as arrays, by their names in the model file.
    #[must_use]
    pub fn to_arrays(&self) -> Vec<Array> {
        let tensors = TextModel::OUTPUTS;
        vec![tensors[0].array(self.probabilities.data, &self.probabilities.shape)]
    }
}
