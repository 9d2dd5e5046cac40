//! Operators of one operand on integers, booleans and 16-bit floats.

mod draws;

use draws::levels;
use tf_layers::F16;
use tf_layers::activation::{Activate, Activation};
use tf_layers::unary::*;

#[test]
fn integers_and_booleans() {
    for cpu in levels() {
        let x: Vec<i8> = (-128..=127).collect();
        let mut y = vec![0; 256];
        macro_rules! check {
            ($layer:ident, $f:expr) => {
                $layer.checked().run(cpu, &x, &mut y);
                assert_eq!(
                    y,
                    x.iter().copied().map($f).collect::<Vec<i8>>(),
                    stringify!($layer)
                );
                let mut in_place = x.clone();
                $layer.run_in_place(cpu, &mut in_place);
                assert_eq!(in_place, y);
            };
        }
        check!(Abs, i8::wrapping_abs);
        check!(Neg, i8::wrapping_neg);
        check!(Sign, i8::signum);
        check!(Relu, |x: i8| x.max(0));
        check!(Not, |x: i8| !x);
        let mut not = [true, false];
        Not.run_in_place(cpu, &mut not);
        assert_eq!(not, [false, true]);
        Clip.checked().run(cpu, &x, &[-5], &[100], &mut y);
        assert_eq!(
            y,
            x.iter().map(|x| *x.clamp(&-5, &100)).collect::<Vec<i8>>()
        );
        let mut crossed = [1.0f32, f32::NAN, 7.0];
        Clip.run_in_place(cpu, &mut crossed, &[5.0], &[3.0]);
        assert!(
            crossed[0] == 3.0 && crossed[1].is_nan() && crossed[2] == 3.0,
            "max wins, NaN stays"
        );
    }
}

#[test]
fn tests_for_special_values() {
    for cpu in levels() {
        let x = [0.0f32, f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
        let mut y = [false; 4];
        IsNaN.checked().run(cpu, &x, &mut y);
        assert_eq!(y, [false, true, false, false]);
        let mut inf = |detect_negative, detect_positive| {
            IsInf {
                detect_negative,
                detect_positive,
            }
            .checked()
            .run(cpu, &x, &mut y);
            y
        };
        assert_eq!(inf(true, true), [false, false, true, true]);
        assert_eq!(inf(true, false), [false, false, false, true]);
        assert_eq!(inf(false, true), [false, false, true, false]);
    }
}

#[test]
fn activations_of_other_floats() {
    for cpu in levels() {
        let layer = Activate {
            activation: Activation::Tanh,
        };
        let x: Vec<F16> = (0..600)
            .map(|i| F16::from_f32(i as f32 / 100.0 - 3.0))
            .collect();
        let mut y = vec![F16::default(); 600];
        layer.run(cpu, &x, &mut y);
        for (x, y) in x.iter().zip(&y) {
            assert!((x.to_f32().tanh() - y.to_f32()).abs() < 1e-3);
        }
        let mut in_place = x;
        layer.run_in_place(cpu, &mut in_place);
        assert_eq!(in_place, y);
        let mut wide = [0.5f64];
        layer.run_in_place(cpu, &mut wide);
        assert_eq!(wide, [0.5f64.tanh()]);
    }
}
