//! `SELECT predict(a, b, c) FROM 'rows.parquet'`: DataFusion with the model as a function of SQL.
#![forbid(unsafe_code)]

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float32Array};
use datafusion::arrow::datatypes::{DataType, Float32Type};
use datafusion::common::{DataFusionError, Result, exec_err};
use datafusion::execution::context::{SessionConfig, SessionContext};
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use datafusion::parquet::arrow::ArrowWriter;
use model::{BreastCancerModel, Inputs, Workspace};
use std::cell::RefCell;
use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

/// Columns that the model takes.
const FEATURES: usize = BreastCancerModel::FEATURES_LEN;
/// Rows that go through it at once.
const ROWS: usize = 1024;

thread_local! {
    /// Each thread of DataFusion's has one.
    static WORKSPACE: RefCell<Workspace> = RefCell::default();
}

/// `predict` of as many columns of float32 as the model has features.
fn predict() -> ScalarUDF {
    create_udf(
        "predict",
        vec![DataType::Float32; FEATURES],
        DataType::Float32,
        Volatility::Immutable,
        Arc::new(|columns| {
            let columns = ColumnarValue::values_to_arrays(columns)?;
            WORKSPACE.with_borrow_mut(|workspace| scored(&columns, workspace))
        }),
    )
}

fn scored(columns: &[ArrayRef], workspace: &mut Workspace) -> Result<ColumnarValue> {
    if let Some(k) = columns.iter().position(|c| c.null_count() > 0) {
        return exec_err!("argument {k} of predict is null somewhere");
    }
    let columns: Vec<&[f32]> = columns
        .iter()
        .map(|c| &c.as_primitive::<Float32Type>().values()[..])
        .collect();
    let rows = columns.first().map_or(0, |c| c.len());
    let (mut features, mut scores) = (Vec::new(), Vec::with_capacity(rows));
    for first in (0..rows).step_by(ROWS) {
        let last = rows.min(first + ROWS);
        features.clear();
        features.resize((last - first) * FEATURES, 0.0);
        for (k, column) in columns.iter().enumerate() {
            let places = features[k..].iter_mut().step_by(FEATURES);
            places
                .zip(&column[first..last])
                .for_each(|(to, from)| *to = *from);
        }
        let inputs = Inputs {
            features: &features,
        };
        let outputs = BreastCancerModel::new().predict_from(inputs, workspace);
        let outputs = outputs.map_err(|e| DataFusionError::Execution(e.to_string()))?;
        scores.extend_from_slice(outputs.output_0.data);
    }
    Ok(ColumnarValue::Array(Arc::new(Float32Array::from(scores))))
}

/// Runs a query, and writes what it gives to a Parquet file.
async fn run(query: &str, out: &str) -> Result<()> {
    // one thread, as the other examples have it: for more, more partitions and a runtime with threads
    let config = SessionConfig::new().with_target_partitions(1);
    let context = SessionContext::new_with_config(config).enable_url_table();
    context.register_udf(predict());
    let begin = Instant::now();
    let frame = context.sql(query).await?;
    let schema = Arc::clone(frame.schema().inner());
    let batches = frame.collect().await?;
    let rows: usize = batches.iter().map(|b| b.num_rows()).sum();
    println!("{rows} rows in {:.3} s", begin.elapsed().as_secs_f64());
    let mut writer = ArrowWriter::try_new(File::create(out)?, schema, None)?;
    for batch in batches {
        writer.write(&batch)?;
    }
    writer.close()?;
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [query, out] = &arguments[..] else {
        eprintln!("usage: scores QUERY OUT.parquet");
        std::process::exit(2);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    if let Err(error) = runtime.block_on(run(query, out)) {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
    Ok(())
}
