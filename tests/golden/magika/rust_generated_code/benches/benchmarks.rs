//! How long one sample takes, and a batch: `cargo bench`.

use magika::{ArrayInputs, MagikaModel};
use tf_layers::bench::time;
use tf_layers::npz::Npz;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let npz = Npz::open(magika::folder()?.join("testdata/features.npz"))?;
    let model = MagikaModel::new();
    let mut workspace = model.workspace();
    let one = ArrayInputs::read(&npz, Some(0))?;
    one.predict(&model, &mut workspace)?;
    let ns = time(|| drop(one.predict(&model, &mut workspace))).median;
    println!("one sample: {:.3} µs", ns / 1e3);
    let batch = ArrayInputs::read(&npz, None)?;
    batch.predict(&model, &mut workspace)?;
    let ns = time(|| drop(batch.predict(&model, &mut workspace))).median;
    println!("a batch of {}: {:.3} µs", batch.sizes().batch, ns / 1e3);
    Ok(())
}
