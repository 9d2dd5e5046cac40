//! The 16-bit floats: every value, and every rounding between two of them.

use tf_layers::{Bf16, F16};

/// An f16's value by its definition.
fn f16_value(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let size = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -size } else { size }
}

#[test]
fn f16_has_every_value() {
    for bits in 0..=u16::MAX {
        let (value, wide) = (f16_value(bits), F16(bits).to_f32());
        assert!(
            f64::from(wide) == value || wide.is_nan() && value.is_nan(),
            "{bits:04x}: {wide}"
        );
        assert_eq!(wide.is_sign_negative(), bits >> 15 == 1);
        if value.is_nan() {
            assert!(F16::from_f32(wide).to_f32().is_nan());
        } else {
            assert_eq!(F16::from_f32(wide).0, bits);
        }
    }
}

#[test]
fn f16_rounds_to_nearest_even() {
    for bits in 0..0x7c00u16 {
        let (low, high) = (f16_value(bits), f16_value(bits + 1));
        // After the largest comes 65,536, which is already ∞.
        let high = high.min(65_536.0);
        let middle = ((low + high) / 2.0) as f32;
        let even = bits + (bits & 1);
        for sign in [0, 0x8000] {
            let signed = |x: f32| f32::from_bits(x.to_bits() | u32::from(sign) << 16);
            assert_eq!(F16::from_f32(signed(middle)).0, even | sign, "{bits:04x}");
            assert_eq!(F16::from_f32(signed(middle.next_down())).0, bits | sign);
            assert_eq!(F16::from_f32(signed(middle.next_up())).0, (bits + 1) | sign);
        }
    }
    assert_eq!(F16::from_f32(f32::MAX).0, 0x7c00);
}

#[test]
fn bf16_rounds_to_nearest_even() {
    for bits in 0..0x7f80u16 {
        let low = u32::from(bits) << 16;
        assert_eq!(Bf16(bits).to_f32().to_bits(), low);
        assert_eq!(Bf16::from_f32(f32::from_bits(low)).0, bits);
        assert_eq!(Bf16::from_f32(f32::from_bits(low + 0x7fff)).0, bits);
        assert_eq!(
            Bf16::from_f32(f32::from_bits(low + 0x8000)).0,
            bits + (bits & 1)
        );
        assert_eq!(
            Bf16::from_f32(-f32::from_bits(low + 0x8001)).0,
            (bits + 1) | 0x8000
        );
    }
    assert!(Bf16::from_f32(f32::NAN).to_f32().is_nan());
    assert!(
        Bf16::from_f32(f32::from_bits(0x7f80_0001))
            .to_f32()
            .is_nan()
    );
}
