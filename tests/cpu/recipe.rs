//! Class weights, and how far a training window may move.

use gpu_bearing::data::split::{Part, Rule, Scheme, Split};
use gpu_bearing::data::windows::{Cut, Window};
use gpu_bearing::data::{Recording, sample};
use gpu_bearing::train::ClassWeights;
use gpu_bearing::train::recipe::reach;

fn recordings() -> Vec<Recording> {
    sample::recordings().unwrap()
}

#[test]
fn balanced_weights_are_those_of_scikit_learn() {
    let mut split = Split::draw(&recordings(), &Scheme::drawn(Rule::Bearing, Cut::whole(400), 0)).unwrap();
    let classes = split.classes.len();
    // Class 0 with 1 window, class 1 with 2 and so on.
    let window = |label| Window { recording: 0, start: 0, label };
    split.train = (0..classes).flat_map(|label| vec![window(label); label + 1]).collect();
    let weights = ClassWeights::Balanced.of(&split).unwrap();
    let total: usize = (1..=classes).sum();
    for (label, weight) in weights.iter().enumerate() {
        assert_eq!(*weight, total as f64 / (classes * (label + 1)) as f64);
    }
    let mean = split.train.iter().map(|window| weights[window.label]).sum::<f64>() / total as f64;
    assert!((mean - 1.0).abs() < 1e-12, "{mean}");
}

#[test]
fn weights_are_read_as_they_are_written() {
    for text in ["balanced", "1,2.5,0.001"] {
        assert_eq!(text.parse::<ClassWeights>().unwrap().to_string(), text);
    }
    let spaced: ClassWeights = "1, 2".parse().unwrap();
    assert_eq!(spaced, ClassWeights::Listed(vec![1.0, 2.0]));
    for bad in ["", "even", "1,,2", "1,0", "1,-2", "inf,1", "1e-60,1"] {
        assert!(bad.parse::<ClassWeights>().is_err(), "{bad}");
    }
}

#[test]
fn windows_move_between_the_ends_of_their_run() {
    let window = |recording, start| Window { recording, start, label: 0 };
    let windows =
        [window(0, 0), window(0, 100), window(0, 200), window(0, 400), window(1, 500), window(1, 600)];
    let expected = [(0, 70), (70, 70), (70, 0), (0, 0), (0, 70), (70, 0)];
    assert_eq!(reach(&windows, 100, 70), expected);
    assert_eq!(reach(&windows, 100, 0), [(0, 0); 6]);
    assert_eq!(reach(&windows, 100, 1000)[1], (100, 100));
}

/// Whatever the rule, windows that overlap, touch or stand apart: where a training window may be, no sample is one of
/// validation or test.
#[test]
fn no_window_moves_into_another_part() {
    let recordings = recordings();
    let length = 400;
    let mut moving = 0;
    for rule in [Rule::Bearing, Rule::Recording, Rule::Time, Rule::Window] {
        for stride in [150, 400, 700] {
            let split = Split::draw(&recordings, &Scheme::drawn(rule, Cut { length, stride, most: None }, 3))
                .unwrap();
            moving += check(&split, length, stride);
        }
    }
    assert!(moving > 1000, "{moving} windows move");
}

/// Returns how many windows may move.
fn check(split: &Split, length: usize, stride: usize) -> usize {
    let others: Vec<&Window> =
        [Part::Validation, Part::Test].into_iter().flat_map(|part| split.part(part)).collect();
    let reach = reach(&split.train, stride, 1000);
    assert_eq!(reach.len(), split.train.len());
    for (window, (back, on)) in split.train.iter().zip(&reach) {
        let covered = window.start - back..window.start + on + length;
        let met = others.iter().find(|other| {
            other.recording == window.recording
                && other.start < covered.end
                && covered.start < other.start + length
        });
        assert!(met.is_none(), "{} stride {stride}: {window:?} by {back} and {on} meets {met:?}", split.rule);
    }
    reach.iter().filter(|reach| **reach != (0, 0)).count()
}
