//! Preparing features and labels, against the definition.
#![cfg(feature = "classical")]

use tf_layers::Cpu;
use tf_layers::classical::{Lookup, Norm, Normalizer};

#[test]
fn rows_are_divided_by_their_norm() {
    let x = [
        3.0_f32,
        -4.0,
        0.0,
        0.0,
        -2.0,
        -8.0,
        f32::NAN,
        5.0,
        1e30,
        1e30,
    ];
    let run = |norm| {
        let mut y = [0.0; 10];
        Normalizer { norm }
            .checked()
            .run(Cpu::new(), [5, 2], &x, &mut y);
        y
    };
    let y = run(Norm::Max);
    assert_eq!(y[..6], [1.0, -4.0 / 3.0, 0.0, 0.0, 1.0, 4.0]);
    assert!(y[6].is_nan() && y[7] == 1.0);
    let y = run(Norm::L1);
    assert_eq!(y[..6], [3.0 / 7.0, -4.0 / 7.0, 0.0, 0.0, -0.2, -0.8]);
    assert!(y[6].is_nan() && y[7].is_nan());
    let y = run(Norm::L2);
    assert_eq!(y[..4], [0.6, -0.8, 0.0, 0.0]);
    // squares of 1e30 are beyond f32
    let half = std::f32::consts::FRAC_1_SQRT_2;
    assert!((y[8] - half).abs() < 1e-6 && (y[9] - half).abs() < 1e-6);
    Normalizer { norm: Norm::L1 }.run::<f64>(Cpu::new(), [2, 0], &[], &mut []);
}

#[test]
fn keys_are_found_by_their_place() {
    let mut y = [9; 8];
    let keys = [-1.5_f32, 0.0, 2.0, f32::NAN];
    let x = [
        2.0,
        -0.0,
        0.5,
        f32::NAN,
        -1.5,
        f32::INFINITY,
        f32::NEG_INFINITY,
        1.999_999_9,
    ];
    Lookup { keys: &keys }.checked().run(Cpu::new(), &x, &mut y);
    assert_eq!(y, [2, 1, 4, 3, 0, 4, 4, 4]);
    Lookup { keys: &keys[..3] }.run(Cpu::new(), &x, &mut y);
    assert_eq!(y, [2, 1, 3, 3, 0, 3, 3, 3]);
    let mut y = [9; 3];
    Lookup {
        keys: &[i64::MIN, 7],
    }
    .run(Cpu::new(), &[7, i64::MIN, 0], &mut y);
    assert_eq!(y, [1, 0, 2]);
    Lookup::<i32> { keys: &[] }.run(Cpu::new(), &[7, 8, 0], &mut y);
    assert_eq!(y, [0, 0, 0]);
}
