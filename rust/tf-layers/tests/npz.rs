//! The npz reader and writer against archives that numpy wrote (tests/data/npz.py) and against damage.

use std::path::{Path, PathBuf};

use tf_layers::build::{self, Dtype, Packing, Tensor};
use tf_layers::npz::{Array, Data, Npz, NpzError, NpzWriter};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

fn array(name: &str, shape: &[usize], data: Data) -> Array {
    Array {
        name: name.into(),
        shape: shape.to_vec(),
        data,
    }
}

fn expected() -> Vec<Array> {
    let ramp: Vec<f32> = (0..24).map(|i| i as f32).collect();
    vec![
        array("bool", &[1, 3], Data::Bool(vec![true, false, true])),
        array("u8", &[3], Data::U8(vec![0, 1, 2])),
        array("u16", &[2], Data::U16(vec![1, u16::MAX])),
        array("u32", &[2], Data::U32(vec![1, u32::MAX])),
        array("u64", &[2], Data::U64(vec![1, u64::MAX])),
        array("i8", &[2], Data::I8(vec![-128, 127])),
        array("i16", &[2], Data::I16(vec![-32768, 2])),
        array("i32", &[2], Data::I32(vec![i32::MIN, 3])),
        array("i64", &[2], Data::I64(vec![i64::MIN, 4])),
        array("f16", &[2], Data::F16(vec![0x3E00, 0x8000])),
        array("f32", &[2, 3, 4], Data::F32(ramp.clone())),
        array("f64", &[], Data::F64(vec![std::f64::consts::PI])),
        array(
            "text",
            &[3],
            Data::Text(vec![String::new(), "grüße".into(), "𝄞x".into()]),
        ),
        array("fortran", &[2, 3, 4], Data::F32(ramp)),
        array("empty", &[0, 5], Data::F32(vec![])),
        array("layer/kernel", &[1, 1], Data::F32(vec![1.0])),
    ]
}

#[test]
fn reads_what_numpy_wrote() {
    for file in ["stored.npz", "deflated.npz"] {
        assert_eq!(
            Npz::open(data(file)).unwrap().arrays().unwrap(),
            expected(),
            "{file}"
        );
    }
}

#[test]
fn refuses_other_types_by_name() {
    for (file, word) in [
        ("big_endian.npz", "big-endian"),
        ("object.npz", "'|O'"),
        ("structured.npz", "structured"),
    ] {
        let error = Npz::open(data(file)).unwrap().array("x").unwrap_err();
        assert!(
            error.to_string().contains(word) && error.to_string().contains("`x`"),
            "{error}"
        );
    }
    let npz = Npz::open(data("stored.npz")).unwrap();
    assert_eq!(
        npz.array("gone"),
        Err(NpzError::Missing {
            name: "gone".into()
        })
    );
    assert!(matches!(
        Npz::open(data("nowhere.npz")),
        Err(NpzError::Io { .. })
    ));
}

#[test]
fn writes_what_it_reads() {
    let written = || {
        let mut writer = NpzWriter::new();
        for array in expected() {
            writer.add(&array).unwrap();
        }
        writer
    };
    let bytes = written().finish();
    assert_eq!(
        bytes,
        written().finish(),
        "the same arrays give the same bytes"
    );
    assert_eq!(
        Npz::from_bytes(bytes).unwrap().arrays().unwrap(),
        expected()
    );
    let mut writer = written();
    assert!(
        writer.add(&array("u8", &[0], Data::U8(vec![]))).is_err(),
        "a name twice"
    );
    assert!(
        writer.add(&array("x", &[3], Data::U8(vec![1]))).is_err(),
        "a shape that does not fit"
    );
}

/// numpy itself must read what we write; skipped by name where there is no Python with numpy.
#[test]
fn numpy_reads_what_it_writes() {
    let mut writer = NpzWriter::new();
    for array in expected() {
        writer.add(&array).unwrap();
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("written.npz");
    writer.write(&path).unwrap();
    let script = "import sys, numpy as np
a, b = (np.load(f) for f in sys.argv[1:])
assert a.files == b.files, (a.files, b.files)
for name in a.files:
    assert a[name].dtype == b[name].dtype and a[name].shape == b[name].shape and (a[name] == b[name]).all(), name";
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let run = |args: &[&std::ffi::OsStr]| std::process::Command::new(&python).args(args).status();
    if !run(&["-c".as_ref(), "import numpy".as_ref()]).is_ok_and(|s| s.success()) {
        eprintln!("skipped: {} has no numpy (set PYTHON)", python.display());
        return;
    }
    let status = run(&[
        "-c".as_ref(),
        script.as_ref(),
        path.as_ref(),
        data("stored.npz").as_ref(),
    ])
    .unwrap();
    assert!(status.success());
}

/// Every array of an archive, or the first error.
fn read(bytes: Vec<u8>) -> Result<Vec<Array>, NpzError> {
    Npz::from_bytes(bytes)?.arrays()
}

#[test]
fn truncation_is_an_error() {
    for file in ["stored.npz", "deflated.npz"] {
        let bytes = std::fs::read(data(file)).unwrap();
        for len in 0..bytes.len() {
            assert!(read(bytes[..len].to_vec()).is_err(), "{file} cut at {len}");
        }
    }
}

#[test]
fn a_changed_byte_never_changes_the_numbers() {
    for file in ["stored.npz", "deflated.npz"] {
        let bytes = std::fs::read(data(file)).unwrap();
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xFF] {
                let mut damaged = bytes.clone();
                damaged[at] ^= flip;
                // Time stamps and the like may change; what is read must then be what was saved.
                if let Ok(arrays) = read(damaged) {
                    assert_eq!(arrays, expected(), "{file}, byte {at} ^ {flip:#x}");
                }
            }
        }
    }
}

/// A header that lies about the size must not make the reader allocate it.
#[test]
fn sizes_are_checked_before_allocating() {
    let header = |shape: &str| {
        let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n");
        [
            b"\x93NUMPY\x01\x00".as_slice(),
            &(text.len() as u16).to_le_bytes(),
            text.as_bytes(),
            &[0; 8],
        ]
        .concat()
    };
    for (shape, fits) in [
        ("(2,)", true),
        ("(1, 2)", true),
        ("(99999999999,)", false),
        ("(4294967296, 4294967296, 2)", false),
        ("(2)", false),
        ("(2 2)", false),
        ("(-2,)", false),
        ("(,2)", false),
        ("2", false),
    ] {
        assert_eq!(read(archive(&header(shape))).is_ok(), fits, "{shape}");
    }
    let npy = header("(2,)");
    for version in [
        (b"\x02\x00", true),
        (b"\x03\x00", true),
        (b"\x04\x00", false),
    ] {
        let mut npy = [&npy[..6], version.0, &npy[8..10], &[0, 0], &npy[10..]].concat();
        assert_eq!(read(archive(&npy)).is_ok(), version.1);
        npy[10] = 1;
        assert!(
            read(archive(&npy)).is_err(),
            "a header longer than the file"
        );
    }
}

/// An archive with one stored member `x` of these bytes.
fn archive(npy: &[u8]) -> Vec<u8> {
    // The writer makes the frame around a u8 array of the right length; the contents and checksum are exchanged.
    let crc = npy.iter().fold(!0u32, |crc, &b| {
        (0..8).fold(crc ^ u32::from(b), |c, _| {
            (c >> 1) ^ if c & 1 == 1 { 0xEDB8_8320 } else { 0 }
        })
    });
    let size = (npy.len() as u32).to_le_bytes();
    let common = [
        &[20, 0, 0, 0, 0, 0, 0, 0, 33, 0],
        (!crc).to_le_bytes().as_slice(),
        &size,
        &size,
        &[1, 0, 0, 0],
    ]
    .concat();
    let local = [b"PK\x03\x04", &*common, b"x", npy].concat();
    let central = [b"PK\x01\x02\x14\x00", &*common, &[0; 10], &[0; 4], b"x"].concat();
    let (offset, len) = (
        (local.len() as u32).to_le_bytes(),
        (central.len() as u32).to_le_bytes(),
    );
    [
        &*local,
        &central,
        b"PK\x05\x06\0\0\0\0\x01\0\x01\0",
        &len,
        &offset,
        &[0, 0],
    ]
    .concat()
}

const F32: Tensor = Tensor {
    name: "f32",
    dtype: Dtype::F32,
    shape: &[2, 3, 4],
    packing: Packing::Copy,
    file: "f32.bin",
};

/// Packs the tensors of a small archive into a directory of the test's own.
fn pack(test: &str, tensors: &[Tensor], big_endian: bool) -> Result<PathBuf, build::WeightsError> {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    std::fs::create_dir_all(&out).unwrap();
    let mut writer = NpzWriter::new();
    for array in expected()
        .into_iter()
        .filter(|a| ["f32", "i16", "bool"].contains(&&*a.name))
    {
        writer.add(&array).unwrap();
    }
    let path = out.join("weights.npz");
    writer.write(&path).unwrap();
    build::pack(&path, tensors, &out, big_endian).map(|_| out)
}

#[test]
fn build_writes_one_file_per_tensor() {
    let tensors = [
        F32,
        Tensor {
            name: "i16",
            dtype: Dtype::I16,
            shape: &[2],
            file: "i16.bin",
            ..F32
        },
        Tensor {
            name: "bool",
            dtype: Dtype::Bool,
            shape: &[1, 3],
            file: "bool.bin",
            ..F32
        },
    ];
    for big in [false, true] {
        let out = pack("build_writes", &tensors, big).unwrap();
        let ramp: Vec<u8> = (0..24u8)
            .flat_map(|i| {
                if big {
                    f32::from(i).to_be_bytes()
                } else {
                    f32::from(i).to_le_bytes()
                }
            })
            .collect();
        assert_eq!(std::fs::read(out.join("f32.bin")).unwrap(), ramp);
        let i16s = if big {
            [0x80, 0, 0, 2]
        } else {
            [0, 0x80, 2, 0]
        };
        assert_eq!(std::fs::read(out.join("i16.bin")).unwrap(), i16s);
        // Bools are not plain data: the generated code includes them as a Rust array.
        assert_eq!(
            std::fs::read_to_string(out.join("bool.bin")).unwrap(),
            "[true, false, true]"
        );
    }
}

#[test]
fn build_collects_every_problem() {
    let tensors = [
        Tensor {
            shape: &[2, 3, 5],
            ..F32
        },
        Tensor {
            name: "i16",
            dtype: Dtype::I32,
            shape: &[2],
            ..F32
        },
        Tensor {
            name: "gone",
            ..F32
        },
    ];
    let error = pack("build_collects", &tensors, false).unwrap_err();
    assert_eq!(
        error.problems,
        [
            "`f32` is float32 [2, 3, 4], the model needs float32 [2, 3, 5]",
            "`i16` is int16 [2], the model needs int32 [2]",
            "`gone` (float32 [2, 3, 4]) is missing",
            "`bool` is in the file, but not in the model",
        ]
    );
    assert!(
        error
            .to_string()
            .contains("weights.npz does not fit this model\n  - `f32`"),
        "{error}"
    );
}

/// A build with a damaged file names the file and what is wrong with it; where the damage hits nothing that matters, the numbers are the same.
#[test]
fn fifty_damaged_files_are_each_named() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("damaged");
    std::fs::create_dir_all(&out).unwrap();
    let path = out.join("weights.npz");
    let mut refused = 0;
    for (k, file) in ["stored.npz", "deflated.npz"]
        .iter()
        .cycle()
        .take(50)
        .enumerate()
    {
        let mut bytes = std::fs::read(data(file)).unwrap();
        let at = (k * 7919 + 13) % bytes.len();
        match k % 5 {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..bytes.len().min(at + 9))),
            2 => bytes.splice(at..at, [0; 5]).for_each(drop),
            3 => bytes[at..].fill(0xFF),
            _ => bytes[at] ^= 0x40,
        }
        let whole = read(bytes.clone());
        std::fs::write(&path, bytes).unwrap();
        match build::pack(&path, &[F32], &out, false) {
            Ok(_) => unreachable!("the file has more tensors than the model"),
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains("weights.npz"), "damage {k}: {text}");
                assert!(!error.problems.is_empty(), "damage {k}: {text}");
                if whole.is_err() {
                    refused += 1;
                }
            }
        }
    }
    assert!(
        refused > 30,
        "{refused} files were damaged where it matters"
    );
}

/// What the build script says of a file whose tensors fit.
fn doubts(test: &str, arrays: &[Array]) -> Vec<String> {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    std::fs::create_dir_all(&out).unwrap();
    let mut writer = NpzWriter::new();
    for array in arrays {
        writer.add(array).unwrap();
    }
    let path = out.join("weights.npz");
    writer.write(&path).unwrap();
    let tensors: Vec<Tensor> = arrays
        .iter()
        .map(|a| Tensor {
            name: Box::leak(a.name.clone().into_boxed_str()),
            dtype: a.data.dtype(),
            shape: Box::leak(a.shape.clone().into_boxed_slice()),
            ..F32
        })
        .collect();
    build::pack(&path, &tensors, &out, false).unwrap()
}

#[test]
fn weights_that_a_training_has_left_diverged_are_doubted() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let arrays = [
        array("all", &[3], Data::F32(vec![nan, -nan, nan])),
        array("one", &[2, 2], Data::F32(vec![1.0, nan, inf, 2.0])),
        array("infinite", &[2], Data::F32(vec![inf, -inf])),
        array("both", &[2], Data::F32(vec![inf, nan])),
        array("double", &[1], Data::F64(vec![f64::NAN])),
        array("half", &[3], Data::F16(vec![0x7C01, 0xFE00, 0x7C00])),
        // the numbers of masks, and of a scale that is far off: they may be meant
        array("mask", &[], Data::F32(vec![-inf])),
        array("rows", &[2], Data::F32(vec![-inf, 0.0])),
        array("largest", &[2], Data::F16(vec![0x7BFF, 0xFC00])),
        array("ids", &[1], Data::I64(vec![i64::MIN])),
        array("none", &[0], Data::F32(vec![])),
    ];
    assert_eq!(
        doubts("doubted", &arrays),
        [
            "`all`: all of its 3 elements are NaN",
            "`one`: 1 of its 4 elements are NaN",
            "`infinite`: all of its 2 elements are infinite",
            "`both`: 1 of its 2 elements are NaN",
            "`double`: all of its 1 elements are NaN",
            "`half`: 2 of its 3 elements are NaN",
        ]
    );
}

#[test]
fn kernels_of_integers_become_words() {
    let mut writer = NpzWriter::new();
    let w = vec![1, -2, 3, -4, 5, -6, 7, -8, 9, -10];
    writer.add(&array("w", &[5, 2], Data::I8(w))).unwrap();
    writer
        .add(&array("f", &[1, 1], Data::F32(vec![1.0])))
        .unwrap();
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("words");
    std::fs::create_dir_all(&out).unwrap();
    let path = out.join("weights.npz");
    std::fs::write(&path, writer.finish()).unwrap();
    let tensor = |name, dtype, shape, packing| Tensor {
        name,
        dtype,
        shape,
        packing,
        file: name,
    };
    let words = Packing::IntegerPanels { transposed: false };
    let floats = Packing::Panels { transposed: false };
    let given = |w, f| {
        [
            tensor("w", Dtype::I8, &[5, 2], w),
            tensor("f", Dtype::F32, &[1, 1], f),
        ]
    };
    for big_endian in [false, true] {
        build::pack(&path, &given(words, floats), &out, big_endian).unwrap();
        let bytes = std::fs::read(out.join("w")).unwrap();
        let word = |i: usize| {
            let bytes = bytes.as_chunks().0[i];
            if big_endian {
                i32::from_be_bytes(bytes)
            } else {
                i32::from_le_bytes(bytes)
            }
        };
        assert_eq!(bytes.len(), 3 * 16 * 4);
        // four rows, the fifth, and the sums; columns 0, 1, and one that is padding
        assert_eq!(word(0).to_le_bytes(), [1, 3, 5, 7]);
        assert_eq!(
            word(1),
            i32::from_le_bytes([-2_i8, -4, -6, -8].map(|v| v as u8))
        );
        assert_eq!([word(16), word(17), word(18)], [9, 0xF6, 0]);
        assert_eq!([word(32), word(33), word(34)], [25, -30, 0]);
    }
    let error = build::pack(&path, &given(floats, words), &out, false).unwrap_err();
    assert_eq!(
        error.problems,
        [
            "`w` is int8: only float32 can be packed so",
            "`f` is float32: only int8 can be packed so",
        ]
    );
}
