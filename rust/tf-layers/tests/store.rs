//! Files of weights: what was written is read, and what was not is refused.

use std::path::{Path, PathBuf};
use tf_layers::F16;
use tf_layers::build::{Dtype, Packing, Tensor, pack_store};
use tf_layers::npz::{Array, Data, NpzWriter};
use tf_layers::store::{Held, Layout, Source, Storage, StoreError, StoreProblem, Stored};

const fn tensor(
    name: &'static str,
    dtype: Dtype,
    shape: &'static [usize],
    packing: Packing,
) -> Tensor {
    Tensor {
        name,
        dtype,
        shape,
        packing,
        file: name,
    }
}

const TENSORS: [Tensor; 6] = [
    tensor(
        "panels",
        Dtype::F32,
        &[37, 40],
        Packing::Panels { transposed: false },
    ),
    tensor(
        "conv",
        Dtype::F32,
        &[24, 3, 3, 3],
        Packing::Conv { group: 2 },
    ),
    tensor("table", Dtype::F32, &[9, 130], Packing::Copy),
    tensor("flags", Dtype::Bool, &[3], Packing::Copy),
    tensor("halves", Dtype::F16, &[5], Packing::Copy),
    tensor("ids", Dtype::I64, &[3], Packing::Copy),
];

/// Numbers from −1 to 1, without a pattern.
fn draws(count: usize) -> Vec<f32> {
    let mut state = 9_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(next).collect()
}

fn floats(k: usize) -> Vec<f32> {
    draws(TENSORS[k].shape.iter().product())
}

/// The archive's path, in a folder of the test's own.
fn archive(test: &str) -> PathBuf {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    std::fs::create_dir_all(&out).unwrap();
    let mut writer = NpzWriter::new();
    let data = [
        Data::F32(floats(0)),
        Data::F32(floats(1)),
        Data::F32(floats(2)),
        Data::Bool(vec![true, false, true]),
        Data::F16(vec![0x3c00, 0, 0x8001, 0x7c00, 1]),
        Data::I64(vec![i64::MIN, -1, 7]),
    ];
    for (tensor, data) in TENSORS.iter().zip(data) {
        let (name, shape) = (tensor.name.into(), tensor.shape.to_vec());
        writer.add(&Array { name, shape, data }).unwrap();
    }
    writer.write(out.join("weights.npz")).unwrap();
    out.join("weights.npz")
}

/// The file's bytes and its layout.
fn stored(test: &str, storage: &[Storage]) -> (PathBuf, Layout) {
    let path = archive(test);
    let out = path.parent().unwrap();
    let found = pack_store(&path, &TENSORS, storage, out, cfg!(target_endian = "big")).unwrap();
    let layout = Layout {
        id: found.id,
        pieces: found.pieces.leak(),
    };
    (out.join("model.weights"), layout)
}

struct Weights<'w> {
    panels: Held<'w, f32>,
    conv: Held<'w, f32>,
    table: Held<'w, f32>,
    flags: Held<'w, bool>,
    halves: Held<'w, F16>,
    ids: Held<'w, i64>,
}

fn read(mut source: Source<'_>) -> Result<Weights<'_>, StoreError> {
    let found = Weights {
        panels: source.take()?,
        conv: source.take()?,
        table: source.take()?,
        flags: source.take()?,
        halves: source.take()?,
        ids: source.take()?,
    };
    source.finish().map(|_| found)
}

/// The bytes from a cache line on, in memory of this length at least.
fn aligned<'a>(bytes: &[u8], memory: &'a mut Vec<u8>) -> &'a [u8] {
    memory.resize(bytes.len() + 64, 0);
    let start = memory.as_ptr().align_offset(64);
    memory[start..start + bytes.len()].copy_from_slice(bytes);
    &memory[start..start + bytes.len()]
}

fn packed(k: usize) -> Vec<f32> {
    TENSORS[k].packing.pack(TENSORS[k].shape, &floats(k))
}

#[test]
fn plain_weights_are_those_of_the_archive_bit_for_bit() {
    let (path, layout) = stored("plain", &[]);
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes.len(), layout.file_bytes());
    let mut memory = Vec::new();
    let at_a_line = aligned(&bytes, &mut memory);
    let mut shifted = vec![0; 4];
    shifted.extend(&bytes);
    for (source, borrows) in [
        (Source::open(&path, &layout), false),
        (Source::of_bytes(at_a_line, &layout), true),
        (Source::of_bytes(&shifted[4..], &layout), false),
    ] {
        let found = read(source.unwrap()).unwrap();
        assert_eq!(*found.panels, packed(0));
        assert_eq!(*found.conv, packed(1));
        assert_eq!(*found.table, floats(2));
        assert_eq!(*found.flags, [true, false, true]);
        let bits: Vec<u16> = found.halves.iter().map(|h| h.0).collect();
        assert_eq!(bits, [0x3c00, 0, 0x8001, 0x7c00, 1]);
        assert_eq!(*found.ids, [i64::MIN, -1, 7]);
        // memory that happens to lie right is borrowed, too
        assert!(!borrows || matches!(found.table, Held::Borrowed(_)));
        assert!(found.panels.as_ptr().addr().is_multiple_of(64));
    }
}

/// What stands for each element is as near as its type allows, for the largest of its place.
#[test]
fn fewer_bits_are_near() {
    for (kind, error) in [("f16", 1.0 / 2048.0), ("int8", 0.5 / 127.0 + 1e-6)] {
        let of = |axis| {
            if kind == "f16" {
                Storage::F16 { axis }
            } else {
                Storage::I8 { axis }
            }
        };
        let storage = [of(1), of(0), of(0), of(0), of(0), of(0)];
        let (path, layout) = stored(kind, &storage);
        let found: Vec<Storage> = layout.pieces.iter().map(|p| p.storage).collect();
        assert_eq!(found[..3], storage[..3]);
        assert_eq!(found[3..], [Storage::Plain; 3]);
        let found = read(Source::open(&path, &layout).unwrap()).unwrap();
        for (k, tensor) in [&found.panels, &found.conv, &found.table]
            .into_iter()
            .enumerate()
        {
            let expected = packed(k);
            assert_eq!(tensor.len(), expected.len());
            for (a, b) in tensor.iter().zip(&expected) {
                assert!((a - b).abs() <= error, "{kind}, tensor {k}: {a} for {b}");
            }
            assert_ne!(**tensor, expected, "{kind}, tensor {k}");
        }
    }
}

/// Packings that move elements keep a scale a place; where they would need too many, elements stay as they are.
#[test]
fn layouts_that_have_codes() {
    let (gates, split) = (4, 4);
    for (packing, shape, axis, coded) in [
        (Packing::Panels { transposed: true }, &[40, 37][..], 0, true),
        (Packing::Depthwise, &[32, 1, 5, 5], 0, true),
        (Packing::InputGates { gates }, &[1, 80, 20], 1, true),
        (
            Packing::RecurrentGates { gates, split },
            &[1, 80, 20],
            1,
            true,
        ),
        (Packing::Winograd { tile: 2 }, &[16, 16, 3, 3], 0, false),
        (Packing::Copy, &[4, 400], 2, false),
    ] {
        let tensor = tensor("w", Dtype::F32, shape, packing);
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("layouts");
        std::fs::create_dir_all(&out).unwrap();
        let elements = draws(shape.iter().product());
        let expected = packing.pack(shape, &elements);
        let mut writer = NpzWriter::new();
        let (name, data) = ("w".into(), Data::F32(elements));
        writer
            .add(&Array {
                name,
                shape: shape.to_vec(),
                data,
            })
            .unwrap();
        writer.write(out.join("w.npz")).unwrap();
        let found = pack_store(
            &out.join("w.npz"),
            &[tensor],
            &[Storage::I8 { axis }],
            &out,
            cfg!(target_endian = "big"),
        )
        .unwrap();
        assert_eq!(
            found.pieces[0].storage != Storage::Plain,
            coded,
            "{packing:?}: {:?}",
            found.pieces
        );
        let layout = Layout {
            id: found.id,
            pieces: found.pieces.leak(),
        };
        let mut source = Source::open(&out.join("model.weights"), &layout).unwrap();
        let tensor: Held<'_, f32> = source.take().unwrap();
        let error = if coded { 0.5 / 127.0 + 1e-6 } else { 0.0 };
        assert!(
            tensor
                .iter()
                .zip(&expected)
                .all(|(a, b)| (a - b).abs() <= error),
            "{packing:?}"
        );
    }
}

/// Weights that codes say exactly are read exactly: rounding once more changes nothing.
#[test]
fn what_was_rounded_stays() {
    let storage = [Storage::I8 { axis: 1 }];
    let (path, layout) = stored("again", &storage);
    let first = read(Source::open(&path, &layout).unwrap()).unwrap();
    let names = [TENSORS[0]];
    let (k, n) = (37, 40);
    let unpacked: Vec<f32> = (0..k * n)
        .map(|e| first.panels[e % n / 16 * k * 16 + e / n * 16 + e % n % 16])
        .collect();
    let out = path.parent().unwrap();
    let mut writer = NpzWriter::new();
    let (name, shape, data) = ("panels".into(), vec![k, n], Data::F32(unpacked));
    writer.add(&Array { name, shape, data }).unwrap();
    writer.write(out.join("again.npz")).unwrap();
    let found = pack_store(
        &out.join("again.npz"),
        &names,
        &storage,
        out,
        cfg!(target_endian = "big"),
    )
    .unwrap();
    let layout = Layout {
        id: found.id,
        pieces: found.pieces.leak(),
    };
    let mut source = Source::open(&path, &layout).unwrap();
    let second: Held<'_, f32> = source.take().unwrap();
    for (a, b) in second.iter().zip(first.panels.iter()) {
        assert!((a - b).abs() <= b.abs() * 2.0 * f32::EPSILON, "{a} for {b}");
    }
}

#[test]
fn numbers_that_are_not_finite_stay_as_they_are() {
    let path = archive("infinite");
    let out = path.parent().unwrap();
    let mut elements = floats(0);
    elements[7] = f32::NEG_INFINITY;
    let mut writer = NpzWriter::new();
    let (name, shape, data) = ("panels".into(), vec![37, 40], Data::F32(elements));
    writer.add(&Array { name, shape, data }).unwrap();
    writer.write(&path).unwrap();
    let found = pack_store(&path, &TENSORS[..1], &[Storage::I8 { axis: 1 }], out, false).unwrap();
    assert_eq!(found.pieces[0].storage, Storage::Plain);
}

fn problem(bytes: &[u8], layout: &Layout) -> StoreProblem {
    let error = Source::of_bytes(bytes, layout)
        .and_then(read)
        .map(|_| ())
        .unwrap_err();
    assert_eq!(error.place, "the weights in memory");
    error.problem
}

#[test]
fn what_does_not_fit_says_why() {
    let (path, layout) = stored("refused", &[]);
    let good = std::fs::read(&path).unwrap();
    let (expected, found) = (good.len() as u64, good.len() as u64 - 1);
    assert_eq!(
        problem(&good[..good.len() - 1], &layout),
        StoreProblem::Length { expected, found }
    );
    assert_eq!(problem(&[], &layout), StoreProblem::NoWeights);
    assert_eq!(problem(&good[1..], &layout), StoreProblem::NoWeights);
    let other = Layout { id: 7, ..layout };
    let (expected, found) = (7, layout.id);
    assert_eq!(
        problem(&good, &other),
        StoreProblem::OtherModel { expected, found }
    );
    let mut later = good.clone();
    later[8] = 2;
    assert_eq!(problem(&later, &layout), StoreProblem::Version { found: 2 });
    let missing = Source::open(Path::new("there/is/none"), &layout).unwrap_err();
    assert!(
        missing
            .to_string()
            .starts_with("there/is/none: No such file"),
        "{missing}"
    );
    let folder = Source::open(Path::new("."), &layout).unwrap_err();
    assert!(
        matches!(folder.problem, StoreProblem::Io { .. }),
        "{folder}"
    );
    let text = StoreProblem::Length {
        expected: 8,
        found: 7,
    }
    .to_string();
    assert_eq!(
        text,
        "has 7 bytes, the weights of this model are 8: is it a whole copy?"
    );
}

/// Every prefix of a good file and every file with one byte changed is refused: never a panic, never other numbers.
#[test]
fn damaged_files() {
    for (name, storage) in [
        ("whole", vec![]),
        (
            "coded",
            vec![Storage::I8 { axis: 1 }, Storage::F16 { axis: 0 }],
        ),
    ] {
        let (path, layout) = stored(name, &storage);
        let good = std::fs::read(&path).unwrap();
        for end in 0..good.len() {
            assert!(Source::of_bytes(&good[..end], &layout).is_err());
        }
        let mut bytes = good.clone();
        for place in (0..good.len()).step_by(if cfg!(miri) { 97 } else { 1 }) {
            bytes[place] ^= 0x55;
            assert!(
                Source::of_bytes(&bytes, &layout).and_then(read).is_err(),
                "byte {place}"
            );
            bytes[place] = good[place];
        }
        assert!(Source::of_bytes(&bytes, &layout).and_then(read).is_ok());
    }
}

#[test]
fn elements_of_every_type() {
    fn round<T: Stored + PartialEq + core::fmt::Debug>(bytes: &[u8], expected: &[T]) {
        let mut found = vec![T::default(); expected.len()];
        T::read(bytes, &mut found).unwrap();
        assert_eq!(found, expected);
    }
    round(&[1, 255], &[1_u8, 255]);
    round(&[1, 255], &[1_i8, -1]);
    round(&513_u16.to_ne_bytes(), &[513_u16]);
    round(&(-2_i16).to_ne_bytes(), &[-2_i16]);
    round(&7_u32.to_ne_bytes(), &[7_u32]);
    round(&(-7_i32).to_ne_bytes(), &[-7_i32]);
    round(&7_u64.to_ne_bytes(), &[7_u64]);
    round(&1.5_f64.to_ne_bytes(), &[1.5_f64]);
    assert_eq!(
        bool::read(&[2], &mut [false]),
        None,
        "no byte but 0 and 1 is a bool"
    );
}
