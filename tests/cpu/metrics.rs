//! Figures over classified windows, against values worked out by hand.

use gpu_bearing::train::metrics::by_class;
use gpu_bearing::train::{ClassFigures, Figures, Tally};

fn tally(windows: &[(usize, usize, f32)]) -> Tally {
    let mut tally = Tally::new(3);
    windows.iter().for_each(|&(label, predicted, loss)| tally.add(label, predicted, loss));
    tally
}

#[test]
fn a_frequent_class_weighs_no_more_in_the_balanced_accuracy() {
    // Class 0: 3 of 4 found, class 1: 0 of 1, class 2: not present.
    let tally = tally(&[(0, 0, 0.5), (0, 0, 0.25), (0, 0, 0.25), (0, 2, 1.0), (1, 0, 3.0)]);
    let expected = Figures { loss: 1.0, accuracy: 0.6, balanced_accuracy: 0.375, windows: 5 };
    assert_eq!(tally.figures(), Some(expected));
    assert_eq!(tally.confusion(), [vec![3, 0, 1], vec![1, 0, 0], vec![0, 0, 0]]);
}

#[test]
fn a_class_has_no_share_of_nothing() {
    let class = |precision, recall, f1, support| ClassFigures { precision, recall, f1, support };
    // A row per true class: class 1 is never named, class 2 is not present, class 3 is neither.
    let confusion = [vec![3, 0, 2, 0], vec![1, 0, 0, 0], vec![0, 0, 0, 0], vec![0, 0, 0, 0]];
    let expected = [
        class(Some(3.0 / 4.0), Some(3.0 / 5.0), Some(6.0 / 9.0), 5),
        class(None, Some(0.0), Some(0.0), 1),
        class(Some(0.0), None, Some(0.0), 0),
        class(None, None, None, 0),
    ];
    assert_eq!(by_class(&confusion), expected);
}

#[test]
fn no_window_has_no_figures() {
    assert_eq!(Tally::new(3).figures(), None);
}

#[test]
fn a_loss_that_is_not_finite_shows() {
    assert!(tally(&[(0, 0, 0.1)]).is_finite());
    assert!(!tally(&[(0, 0, f32::NAN), (0, 0, 0.1)]).is_finite());
    assert!(!tally(&[(0, 0, f32::INFINITY), (0, 0, 0.1)]).is_finite());
}

#[test]
fn a_tally_put_aside_and_continued_has_the_same_bits() {
    let windows: Vec<(usize, usize, f32)> =
        (0..1000).map(|i| (i % 3, i % 2, (0.1 + i as f32).recip())).collect();
    let whole = tally(&windows);
    let text = serde_json::to_string(&tally(&windows[..333])).unwrap();
    let mut parts: Tally = serde_json::from_str(&text).unwrap();
    windows[333..].iter().for_each(|&(label, predicted, loss)| parts.add(label, predicted, loss));
    assert_eq!(parts, whole);
}
