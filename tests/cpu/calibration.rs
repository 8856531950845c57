//! Calibration: temperatures and bins worked out by hand, and the drawing of the bins.

use gpu_bearing::report::drawing::file;
use gpu_bearing::report::reliability;
use gpu_bearing::train::Scored;
use gpu_bearing::train::metrics::calibration::{BINS, Calibration, Reliability, TEMPERATURES, Temperature};

/// `right` of `rows` rows that give class 0 the probability `confidence` of two classes are of class 0.
fn scored(groups: &[(usize, usize, f64)]) -> Scored {
    let mut scored = Scored::new(2);
    for &(right, rows, confidence) in groups {
        (0..rows).for_each(|row| scored.push(usize::from(row >= right), row, [confidence, 1.0 - confidence]));
    }
    scored
}

#[test]
fn a_temperature_makes_the_confidence_the_share_of_right_answers() {
    // Of two classes: ln(0.99 / 0.01) / T = ln(0.8 / 0.2).
    let validation = scored(&[(8, 10, 0.99)]);
    let calibration = Calibration::of(&validation, &validation).unwrap();
    let expected = 99.0_f64.ln() / 4.0_f64.ln();
    assert!((calibration.temperature.value - expected).abs() < 1e-9, "{calibration:?}");
    assert!(
        (calibration.before.error - 0.19).abs() < 1e-12 && calibration.after.error < 1e-9,
        "{calibration:?}"
    );
    let scaled = calibration.temperature.apply(&validation);
    assert!((scaled.probabilities(0)[0] - 0.8).abs() < 1e-9);
    assert_eq!(scaled.confusion(), validation.confusion());
}

#[test]
fn a_model_that_is_not_sure_enough_has_a_temperature_below_1() {
    let temperature = Temperature::fit(&scored(&[(9, 10, 0.6)])).unwrap();
    let expected = 1.5_f64.ln() / 9.0_f64.ln();
    assert!((temperature.value - expected).abs() < 1e-9, "{temperature:?}");
}

#[test]
fn rows_that_do_not_determine_a_temperature_say_so() {
    let [lowest, highest] =
        [TEMPERATURES.0, TEMPERATURES.1].map(|value| Temperature { value, clamped: true });
    assert_eq!(Temperature::fit(&scored(&[(10, 10, 0.9)])), Some(lowest));
    // No better than guessing.
    assert_eq!(Temperature::fit(&scored(&[(5, 10, 0.9)])), Some(highest));
    // Probabilities that are equal throughout are so at every temperature.
    assert!(Temperature::fit(&scored(&[(5, 10, 0.5)])).unwrap().clamped);
}

#[test]
fn bins_hold_counts_confidence_and_accuracy() {
    let reliability = Reliability::of(&scored(&[(1, 4, 1.0), (3, 4, 0.61), (2, 2, 0.65)])).unwrap();
    let filled: Vec<usize> = (0..BINS).filter(|&bin| reliability.bins[bin].count > 0).collect();
    assert_eq!(filled, [9, 14]);
    let bin = reliability.bins[9];
    assert_eq!((bin.count, bin.accuracy), (6, Some(5.0 / 6.0)));
    assert!((bin.confidence.unwrap() - (4.0 * 0.61 + 2.0 * 0.65) / 6.0).abs() < 1e-12);
    assert_eq!(reliability.bins[0].accuracy, None);
    // |5 - 3.74| + |1 - 4| of 10 rows.
    assert!((reliability.error - 0.426).abs() < 1e-12, "{reliability:?}");
}

#[test]
fn a_confidence_where_two_bins_meet_is_in_the_lower() {
    for (confidence, bin) in [(0.6, 8), (0.8, 11), (1.0, 14)] {
        let reliability = Reliability::of(&scored(&[(1, 1, confidence)])).unwrap();
        assert_eq!(reliability.bins.iter().position(|bin| bin.count == 1), Some(bin), "{confidence}");
    }
}

#[test]
fn the_drawing_shows_counts_the_error_and_the_split() {
    let reliability = Reliability::of(&scored(&[(1, 4, 1.0), (10_000, 12_345, 0.61)])).unwrap();
    let drawing = reliability::draw("test windows", "split by bearing; leaky", &reliability);
    let text = file("", &[(String::new(), vec![drawing])]);
    for part in
        [">4<", ">12k<", "12345 with", ">test windows<", "calibration error 20.0 % (split by bearing; leaky)"]
    {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("NaN"), "{text}");
    assert_eq!(text.matches("<title>").count(), 2, "{text}");
}
