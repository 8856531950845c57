//! Plain classifiers on a network's own division: longer rows where there is room, and nothing of the test in training.

use std::collections::BTreeSet;

use gpu_bearing::data::split::{Rule, Scheme, Split};
use gpu_bearing::data::windows::Cut;
use gpu_bearing::data::{Recording, sample};
use gpu_bearing::physics::Bearing;
use gpu_bearing::train::Baselines;

fn on_sample(change: impl Fn(&mut Recording), rule: Rule, window: usize) -> Option<Baselines> {
    let mut recordings = sample::recordings().unwrap();
    recordings.iter_mut().for_each(change);
    let split = Split::draw(&recordings, &Scheme::drawn(rule, Cut::whole(window), 0)).unwrap();
    let rate = recordings[0].rate;
    Baselines::of(&recordings, rate, &split, window, Some(&Bearing::skf_6205()), 0).unwrap()
}

#[test]
fn they_find_most_of_the_sample_by_bearing() {
    let baselines = on_sample(|_| (), Rule::Bearing, 400).unwrap();
    assert!(baselines.fault_frequencies);
    assert!(baselines.samples > 400, "whole recordings leave room for longer rows");
    for scores in [&baselines.forest, &baselines.logistic] {
        // Six classes: chance is 17 %.
        assert!(scores.windows.balanced_accuracy > 0.7, "{scores:?}");
        assert_eq!(scores.recordings.rows, 6, "a bearing with one recording of each class tests");
    }
    assert_eq!(baselines, on_sample(|_| (), Rule::Bearing, 400).unwrap(), "same arguments, same figures");
}

#[test]
fn rows_are_as_long_as_the_division_allows() {
    let samples = |rule| on_sample(|_| (), rule, 400).unwrap().samples;
    let lengths = [Rule::Bearing, Rule::Time, Rule::Window].map(samples);
    assert!(lengths[0] >= lengths[1] && lengths[1] > lengths[2], "{lengths:?}");
    assert!(lengths[2] <= 512, "stretches of a window or a few: {lengths:?}");
}

#[test]
fn without_speed_there_are_no_fault_frequencies() {
    let baselines = on_sample(|recording| recording.facts.rpm = None, Rule::Bearing, 400).unwrap();
    assert!(!baselines.fault_frequencies);
}

#[test]
fn a_window_too_short_to_describe_has_none() {
    assert_eq!(on_sample(|_| (), Rule::Window, 32), None);
}

/// A signal that says its class only in the test's windows: whoever sees these in training finds them.
#[test]
fn what_is_tested_on_is_not_learned_from() {
    let mut recordings = sample::recordings().unwrap();
    let split = Split::draw(&recordings, &Scheme::drawn(Rule::Time, Cut::whole(400), 1)).unwrap();
    let before = Baselines::of(&recordings, 12_000.0, &split, 400, None, 0).unwrap().unwrap();
    let tested: BTreeSet<(usize, usize)> =
        split.test.iter().map(|window| (window.recording, window.start)).collect();
    for (recording, start) in tested {
        recordings[recording].signal[start..start + 400].fill(0.0);
    }
    let after = Baselines::of(&recordings, 12_000.0, &split, 400, None, 0).unwrap().unwrap();
    assert_eq!(before.rows, after.rows);
    // All test rows are silent now and look the same: with training untouched, one class is named throughout.
    assert!((after.forest.windows.balanced_accuracy - 1.0 / 6.0).abs() < 1e-9, "{after:?}");
    assert!((after.logistic.windows.balanced_accuracy - 1.0 / 6.0).abs() < 1e-9);
}
