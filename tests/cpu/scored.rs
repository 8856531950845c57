//! Figures of rows of probabilities: scikit-learn's, and values worked out by hand.

use gpu_bearing::train::Scored;
use gpu_bearing::train::metrics::calibration::{Calibration, Temperature};
use gpu_bearing::train::metrics::confusion::{accuracy, balanced_accuracy, macro_f1};
use gpu_bearing::train::metrics::ranking::{auroc, macro_auroc};

use crate::goldens;

fn near(actual: f64, expected: f64, within: f64) {
    assert!((actual - expected).abs() <= within, "{actual} instead of {expected}");
}

#[test]
fn figures_are_scikit_learns() {
    let golden: serde_json::Value = serde_json::from_slice(&goldens::read("metrics.json")).unwrap();
    let golden = &golden["scored"];
    let figure = |name: &str| golden[name].as_f64().unwrap();
    let numbers = |value: &serde_json::Value| -> Vec<f64> {
        value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
    };
    let mut scored = Scored::new(4);
    for (row, label) in numbers(&golden["labels"]).into_iter().enumerate() {
        scored.push(label as usize, row, numbers(&golden["probabilities"][row]));
    }

    let ranked = macro_auroc(&scored).unwrap();
    near(ranked.mean, figure("macro_auroc"), 1e-12);
    for (actual, expected) in ranked.by_class.iter().zip(numbers(&golden["auroc"])) {
        near(actual.unwrap(), expected, 1e-12);
    }
    // No row is of the last class.
    assert_eq!((ranked.by_class[3], ranked.left_out), (None, 1));

    let confusion = scored.confusion();
    near(accuracy(&confusion).unwrap(), figure("accuracy"), 1e-12);
    near(balanced_accuracy(&confusion).unwrap(), figure("balanced_accuracy"), 1e-12);
    // Some rows are taken for the last class, which then counts as one that is never found.
    near(macro_f1(&confusion).unwrap(), figure("macro_f1"), 1e-12);

    let calibration = Calibration::of(&scored, &scored).unwrap();
    // scipy's minimum is flat: twice as many digits in the loss as in its place.
    near(calibration.temperature.value, figure("temperature"), 1e-6);
    assert!(!calibration.temperature.clamped);
    near(calibration.before.error, figure("error_before"), 1e-12);
    near(calibration.after.error, figure("error_after"), 1e-6);
}

#[test]
fn equal_scores_count_half() {
    assert_eq!(auroc(&[0.5, 0.9], &[0.5, 0.1]), Some(0.875));
    assert_eq!(auroc(&[0.3; 3], &[0.3; 5]), Some(0.5));
    assert_eq!(auroc(&[1.0], &[2.0]), Some(0.0));
    assert_eq!(auroc(&[], &[2.0]), None);
}

#[test]
fn one_class_alone_has_no_auroc() {
    let mut scored = Scored::new(2);
    scored.push(0, 0, [0.9, 0.1]);
    assert_eq!(macro_auroc(&scored), None);
}

#[test]
fn a_recording_is_decided_by_the_mean_logarithm() {
    let mut scored = Scored::new(2);
    // Recording 7: two windows lean to class 1, one is sure of class 0 (the mean probability would be class 0's).
    scored.push(1, 7, [0.4, 0.6]);
    scored.push(0, 2, [0.8, 0.2]);
    scored.push(1, 7, [0.4, 0.6]);
    scored.push(1, 7, [0.8, 0.2]);
    let decided = scored.by_recording();
    assert_eq!((decided.recordings(), decided.labels()), (&[2, 7][..], &[0, 1][..]));
    near(decided.probabilities(0)[0], 0.8, 1e-15);
    // (2/3)^2 * 4 = 16/9 to the power 1/3.
    let odds = (16.0_f64 / 9.0).powf(1.0 / 3.0);
    near(decided.probabilities(1)[0], odds / (1.0 + odds), 1e-15);
    assert_eq!(decided.decision(1).0, 0);
    assert_eq!(decided.confusion(), [[1, 0], [1, 0]]);
}

#[test]
fn one_window_of_probability_zero_does_not_decide_for_a_hundred() {
    let mut scored = Scored::new(2);
    scored.push(0, 0, [0.0, 1.0]);
    (0..100).for_each(|_| scored.push(0, 0, [0.9, 0.1]));
    let decided = scored.by_recording();
    assert_eq!(decided.decision(0).0, 0);
    assert!(decided.probabilities(0).iter().all(|probability| probability.is_finite()));
}

#[test]
#[should_panic(expected = "recording 3 has two labels")]
fn a_recording_has_one_label() {
    let mut scored = Scored::new(2);
    scored.push(0, 3, [0.5, 0.5]);
    scored.push(1, 3, [0.5, 0.5]);
    scored.by_recording();
}

#[test]
fn no_row_shows_nothing() {
    let none = Scored::new(3);
    assert_eq!(accuracy(&none.confusion()), None);
    assert_eq!(macro_f1(&none.confusion()), None);
    assert_eq!(macro_auroc(&none), None);
    assert_eq!(Temperature::fit(&none), None);
    assert!(none.by_recording().is_empty());
}
