//! Casts, against what onnxruntime 1.32 gives on x86 where the specification is silent.

mod draws;

use draws::levels;
use tf_layers::cast::{BitCast, Cast, CastFrom};
use tf_layers::{Bf16, Cpu, F16};

fn cast<X: Copy, Y: CastFrom<X> + Default + Clone>(cpu: Cpu, x: &[X]) -> Vec<Y> {
    let mut y = vec![Y::default(); x.len()];
    Cast.checked().run(cpu, x, &mut y);
    y
}

/// Repeated, so that vectors and tails see them.
const SPECIAL: [f32; 14] = [
    f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    1e10,
    -1.5,
    300.7,
    -300.7,
    3e9,
    5e9,
    1e19,
    2e19,
    -1e19,
    2_147_483_648.0,
    70_000.0,
];

#[test]
fn floats_to_integers() {
    let (low32, low64) = (i32::MIN, i64::MIN);
    let x: Vec<f32> = SPECIAL.repeat(5);
    let wide: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
    for cpu in levels() {
        macro_rules! check {
            ($t:ty, $want:expr) => {
                let want: Vec<$t> = $want.repeat(5);
                assert_eq!(
                    cast::<f32, $t>(cpu, &x),
                    want,
                    "f32 to {} at {}",
                    stringify!($t),
                    cpu.name()
                );
                assert_eq!(
                    cast::<f64, $t>(cpu, &wide),
                    want,
                    "f64 to {} at {}",
                    stringify!($t),
                    cpu.name()
                );
            };
        }
        check!(i8, [0, 0, 0, 0, -1, 44, -44, 0, 0, 0, 0, 0, 0, 112]);
        check!(u8, [0, 0, 0, 0, 255, 44, 212, 0, 0, 0, 0, 0, 0, 112]);
        check!(i16, [0, 0, 0, 0, -1, 300, -300, 0, 0, 0, 0, 0, 0, 4464]);
        check!(
            u16,
            [0, 0, 0, 0, 65_535, 300, 65_236, 0, 0, 0, 0, 0, 0, 4464]
        );
        let (a, b) = (low32, 70_000);
        check!(i32, [a, a, a, a, -1, 300, -300, a, a, a, a, a, a, b]);
        let (h, c) = (1 << 31, 4_294_966_996);
        check!(
            u32,
            [
                h,
                0,
                h,
                0,
                u32::MAX,
                300,
                c,
                3_000_000_000,
                0,
                0,
                0,
                h,
                h,
                70_000
            ]
        );
        let (a, b) = (low64, 2_147_483_648);
        let big = 10_000_000_000;
        check!(
            i64,
            [
                a,
                a,
                a,
                big,
                -1,
                300,
                -300,
                3_000_000_000,
                5_000_000_000,
                a,
                a,
                a,
                b,
                70_000
            ]
        );
        let (h, c) = (1 << 63, u64::MAX - 299);
        let e19 = 9_999_999_980_506_447_872;
        check!(
            u64,
            [
                h,
                0,
                h,
                10_000_000_000,
                u64::MAX,
                300,
                c,
                3_000_000_000,
                5_000_000_000,
                e19,
                0,
                h,
                2_147_483_648,
                70_000
            ]
        );
        check!(bool, [true; 14]);
    }
}

#[test]
fn everything_else() {
    for cpu in levels() {
        assert_eq!(cast::<i64, i8>(cpu, &[300, -1, i64::MIN]), [44, -1, 0]);
        assert_eq!(cast::<i8, u64>(cpu, &[-1]), [u64::MAX]);
        assert_eq!(
            cast::<i64, f32>(cpu, &[(1 << 24) + 1, -5]),
            [16_777_216.0, -5.0]
        );
        assert_eq!(cast::<bool, f32>(cpu, &[true, false]), [1.0, 0.0]);
        assert_eq!(cast::<bool, i64>(cpu, &[true, false]), [1, 0]);
        assert_eq!(
            cast::<f32, bool>(cpu, &[-0.0, 0.5, f32::NAN]),
            [false, true, true]
        );
        assert_eq!(cast::<u8, bool>(cpu, &[0, 7]), [false, true]);
        assert_eq!(cast::<f64, f32>(cpu, &[1e300, 0.1]), [f32::INFINITY, 0.1]);
        assert_eq!(
            cast::<f32, F16>(cpu, &[65_520.0, 1.0]),
            [F16::INFINITY, F16::from_f32(1.0)]
        );
        assert_eq!(cast::<F16, i32>(cpu, &[F16::from_f32(-2.75)]), [-2]);
        assert_eq!(cast::<Bf16, f64>(cpu, &[Bf16::from_f32(0.5)]), [0.5]);
        assert_eq!(
            cast::<F16, Bf16>(cpu, &[F16::from_f32(0.5)]),
            [Bf16::from_f32(0.5)]
        );
        assert_eq!(cast::<bool, F16>(cpu, &[true]), [F16::from_f32(1.0)]);
        assert_eq!(cast::<Bf16, bool>(cpu, &[Bf16::from_f32(0.0)]), [false]);
    }
}

#[test]
fn bits() {
    let mut y = [0i32; 2];
    BitCast.checked().run(Cpu::new(), &[1.0f32, -0.0], &mut y);
    assert_eq!(y, [0x3f80_0000, i32::MIN]);
    let mut y = [9u8; 2];
    BitCast.run(Cpu::new(), &[true, false], &mut y);
    assert_eq!(y, [1, 0]);
}

#[test]
fn the_ends_of_32_bits_in_single_precision() {
    let x: [f32; 9] = [
        2_147_483_520.0,
        2_147_483_648.0,
        -2_147_483_648.0,
        -2_147_483_904.0,
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        0.9,
        -0.9,
    ];
    let least = i32::MIN;
    let expected = [
        2_147_483_520,
        least,
        least,
        least,
        least,
        least,
        least,
        0,
        0,
    ];
    for cpu in Cpu::all() {
        // as many as fill vectors, and a rest
        assert_eq!(cast::<f32, i32>(cpu, &x.repeat(9)), expected.repeat(9));
        let bytes = expected.map(|v| v as u8).repeat(9);
        assert_eq!(cast::<f32, u8>(cpu, &x.repeat(9)), bytes);
    }
}
