//! The comparison that judges every kernel must itself be able to fail.

use gpu_bearing::reference::compare::{Element, Mismatch, POISON, Tolerance, compare};

const EXPECTED: [Element; 4] =
    [Element::Float(1.0), Element::Float(-200.0), Element::Bits(7), Element::Bits(0)];

fn bits(first: f32, second: f32) -> [u32; 4] {
    [first.to_bits(), second.to_bits(), 7, 0]
}

#[test]
fn passes_within_the_tolerance_and_reports_the_worst() {
    let worst = compare(&bits(1.0, -200.001), &EXPECTED, Tolerance::PRODUCT).unwrap();
    assert!((worst.absolute - 1e-3).abs() < 1e-5, "{worst:?}");
    // 1e-5 + 1e-5 * 200 is allowed.
    assert!((worst.share - 1e-3 / 2.01e-3).abs() < 1e-2, "{worst:?}");
}

#[test]
fn fails_beyond_the_tolerance() {
    let found = compare(&bits(1.0001, -200.0), &EXPECTED, Tolerance::PRODUCT);
    assert!(matches!(found, Err(Mismatch::Value { index: 0, .. })), "{found:?}");
}

#[test]
fn fails_on_values_that_are_no_numbers() {
    for value in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let found = compare(&bits(1.0, value), &EXPECTED, Tolerance::CHAIN);
        assert!(matches!(found, Err(Mismatch::Value { index: 1, .. })), "{value}: {found:?}");
    }
}

#[test]
fn fails_on_an_element_that_was_not_written() {
    let mut actual = bits(1.0, -200.0);
    actual[1] = POISON;
    let found = compare(&actual, &EXPECTED, Tolerance::CHAIN);
    assert_eq!(found, Err(Mismatch::Unwritten { index: 1 }));
    actual = bits(1.0, -200.0);
    actual[2] = POISON;
    assert_eq!(compare(&actual, &EXPECTED, Tolerance::CHAIN), Err(Mismatch::Unwritten { index: 2 }));
}

#[test]
fn fails_on_bits_that_changed() {
    let mut actual = bits(1.0, -200.0);
    // -0.0 where 0.0 stood: equal as numbers, but somebody wrote it.
    actual[3] = (-0f32).to_bits();
    let found = compare(&actual, &EXPECTED, Tolerance::CHAIN);
    assert_eq!(found, Err(Mismatch::Bits { index: 3, actual: 0x8000_0000, expected: 0 }));
}

#[test]
fn fails_on_another_length() {
    let actual = bits(1.0, -200.0);
    let found = compare(&actual[..3], &EXPECTED, Tolerance::CHAIN);
    assert_eq!(found, Err(Mismatch::Length { actual: 3, expected: 4 }));
    let found = compare(&[&actual[..], &[0]].concat(), &EXPECTED, Tolerance::CHAIN);
    assert_eq!(found, Err(Mismatch::Length { actual: 5, expected: 4 }));
}

#[test]
fn exact_means_exact() {
    let next = f32::from_bits(1f32.to_bits() + 1);
    assert!(compare(&[1f32.to_bits()], &[Element::Float(1.0)], Tolerance::EXACT).is_ok());
    assert!(compare(&[next.to_bits()], &[Element::Float(1.0)], Tolerance::EXACT).is_err());
    // A zero of dropout is exact, too.
    assert!(compare(&[1e-30f32.to_bits()], &[Element::Float(0.0)], Tolerance::ROUNDING).is_err());
}
