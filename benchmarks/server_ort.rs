//! `src/request.rs` of a generated server with onnxruntime (crate ort) in the model's place, so that all else is the same:
//! models with one float32 input and one float32 output. `benchmarks/server.py` puts the model's name in for `TheModel`.

use model::tf_layers::npz::Array;
use model::tf_layers::signature::{self, Element, SignatureError, Tensor};
use model::{Error, TheModel};
use ort::session::Session;
use ort::value::TensorRef;

pub const INPUTS: &[Tensor] = TheModel::INPUTS;
pub const OUTPUTS: &[Tensor] = TheModel::OUTPUTS;
pub const TOGETHER: bool = true;

/// onnxruntime, with a session of one thread for each worker.
pub struct Workspace(Session);

impl Default for Workspace {
    fn default() -> Self {
        let file = std::env::var("MODEL").expect("MODEL names the model's file");
        let environment = ort::init().build().expect("onnxruntime");
        let builder = Session::builder(&environment).expect("onnxruntime").with_intra_threads(1);
        Self(builder.expect("one thread").commit_from_file(file).expect("a session"))
    }
}

#[derive(Debug)]
pub struct Request {
    batch: usize,
    shape: Vec<usize>,
    elements: Vec<f32>,
}

impl Request {
    pub fn new(arrays: Vec<Array>) -> Result<Self, SignatureError> {
        let shapes: Vec<&[usize]> = arrays.iter().map(|a| a.shape.as_slice()).collect();
        let [batch] = signature::sizes(["batch"], INPUTS, &shapes)?;
        let array = arrays.into_iter().next().expect("one input");
        let elements = f32::take(array.data).ok_or(SignatureError::Input {
            name: INPUTS[0].name,
            problem: "is not float32".to_string(),
        })?;
        Ok(Self { batch, shape: array.shape, elements })
    }

    pub fn samples(&self) -> usize {
        self.batch
    }

    pub fn together(requests: &[Request]) -> Option<Self> {
        (requests.len() > 1).then(|| {
            let batch = requests.iter().map(Self::samples).sum();
            let mut shape = requests[0].shape.clone();
            shape[0] = batch;
            let elements = requests.iter().map(|r| r.elements.as_slice()).collect::<Vec<_>>().concat();
            Self { batch, shape, elements }
        })
    }

    pub fn run(&self, counts: &[usize], workspace: &mut Workspace) -> Result<Vec<Vec<Array>>, Error> {
        self.answer(counts, &mut workspace.0).map_err(|_| Error::Unsupported { what: "what onnxruntime refused" })
    }

    fn answer(&self, counts: &[usize], session: &mut Session) -> ort::Result<Vec<Vec<Array>>> {
        let shape: Vec<i64> = self.shape.iter().map(|&d| d as i64).collect();
        let input = TensorRef::from_array_view((shape, self.elements.as_slice()))?;
        let outputs = session.run(ort::inputs![INPUTS[0].name => input])?;
        let (shape, data) = outputs[0].try_extract_tensor::<f32>()?;
        let row = data.len() / self.batch.max(1);
        let mut own: Vec<usize> = shape.iter().map(|&d| d as usize).collect();
        let mut first = 0;
        Ok(counts
            .iter()
            .map(|&samples| {
                own[0] = samples;
                let part = &data[first * row..][..samples * row];
                first += samples;
                vec![OUTPUTS[0].array(part, &own)]
            })
            .collect())
    }
}
