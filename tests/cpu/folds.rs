//! The folds of a cross-validation: every recording tests, and what cannot be held out is named.

use std::collections::BTreeSet;

use gpu_bearing::data::folds::{Fold, folds, load_pairs};
use gpu_bearing::data::split::{Holdout, Rule, Scheme, Split};
use gpu_bearing::data::windows::Cut;
use gpu_bearing::data::{Facts, Recording};

/// One healthy bearing and `sizes` of each of two faults, all at four loads.
fn rig(sizes: &[f64]) -> Vec<Recording> {
    let mut recordings = Vec::new();
    let mut add = |condition: &str, size: Option<f64>| {
        for load in 0..4 {
            let samples = (0..4000).map(|i| (i + 7 * recordings.len()) as f32).collect();
            let facts = Facts {
                condition: Some(condition.into()),
                bearing: Some(format!("{condition} {}", size.unwrap_or(0.0))),
                load: Some(f64::from(load)),
                fault_size: size,
                ..Facts::default()
            };
            recordings.push(Recording::new(format!("{}.wav", recordings.len()), samples, 12_000.0, facts));
        }
    };
    add("normal", None);
    for condition in ["ball", "inner race"] {
        sizes.iter().for_each(|size| add(condition, Some(*size)));
    }
    recordings
}

fn split(recordings: &[Recording], fold: &Fold) -> Split {
    let holdout = fold.holdout.as_deref().map(|names| Holdout::read(names, fold.rule, recordings).unwrap());
    Split::draw(recordings, &Scheme { holdout, ..Scheme::drawn(fold.rule, Cut::whole(400), fold.seed) })
        .unwrap()
}

/// What each fold tests on, as often as it does.
fn tested(recordings: &[Recording], folds: &[Fold]) -> Vec<Vec<String>> {
    folds.iter().map(|fold| split(recordings, fold).held_out).collect()
}

#[test]
fn loads_and_fault_sizes_take_turns() {
    let recordings = rig(&[0.007, 0.014, 0.021]);
    let by = |rule| tested(&recordings, &folds(&recordings, rule, 5, 0).unwrap());
    assert_eq!(by(Rule::Load), [["0"], ["1"], ["2"], ["3"]]);
    assert_eq!(by(Rule::FaultSize), [["0.007"], ["0.014"], ["0.021"]]);
}

#[test]
fn few_bearings_are_chosen_in_every_way() {
    let recordings = rig(&[0.007, 0.014, 0.021]);
    let all = folds(&recordings, Rule::Bearing, 5, 0).unwrap();
    let distinct: BTreeSet<Vec<String>> = tested(&recordings, &all).into_iter().collect();
    assert_eq!((all.len(), distinct.len()), (9, 9), "three balls, three inner races; normal has one bearing");
    assert!(distinct.contains(&vec!["ball 0.014".to_owned(), "inner race 0.007".to_owned()]));
}

#[test]
fn of_many_bearings_choices_are_drawn() {
    let recordings = rig(&[0.007, 0.011, 0.014, 0.021, 0.028, 0.04]);
    let drawn = folds(&recordings, Rule::Bearing, 4, 7).unwrap();
    assert!((3..=4).contains(&drawn.len()), "four draws, of which two may be the same: {drawn:?}");
    for tested in tested(&recordings, &drawn) {
        let of = |class: &str| tested.iter().filter(|name| name.starts_with(class)).count();
        assert_eq!([of("ball"), of("inner race")], [1, 1], "{tested:?}");
    }
    assert_eq!(drawn, folds(&recordings, Rule::Bearing, 4, 7).unwrap());
    assert_ne!(drawn, folds(&recordings, Rule::Bearing, 4, 8).unwrap());
    assert_eq!(folds(&recordings, Rule::Time, 3, 0).unwrap().len(), 3);
}

#[test]
fn two_bearings_a_class_are_enough_to_hold_one_out_of_many_classes() {
    let mut recordings = rig(&[0.007, 0.014]);
    for condition in ["cage", "looseness", "outer race"] {
        let more = rig(&[0.007, 0.014]).into_iter().filter(|r| r.facts.condition.as_deref() == Some("ball"));
        for mut recording in more {
            recording.name = format!("{condition} {}", recording.name);
            recording.sha256 = recording.name.clone();
            recording.facts.bearing = recording.facts.bearing.map(|name| name.replace("ball", condition));
            recording.facts.condition = Some(condition.into());
            recordings.push(recording);
        }
    }
    // 2^5 choices are more than are all taken.
    let drawn = folds(&recordings, Rule::Bearing, 3, 0).unwrap();
    for fold in &drawn {
        let split = split(&recordings, fold);
        assert_eq!(split.rule, Rule::Bearing);
        assert_eq!(split.held_out.len(), 5, "{:?}", split.held_out);
    }
}

#[test]
fn a_bearing_of_two_classes_is_held_out_of_both_or_not_at_all() {
    // Both bearings were recorded healthy and later damaged: one each can be held out, or the same of both.
    let mut recordings = Vec::new();
    for (number, (condition, bearing)) in
        [("normal", "a"), ("normal", "b"), ("worn", "a"), ("worn", "b")].into_iter().enumerate()
    {
        let samples = (0..4000).map(|i| (i + 7 * number) as f32).collect();
        let facts =
            Facts { condition: Some(condition.into()), bearing: Some(bearing.into()), ..Facts::default() };
        recordings.push(Recording::new(format!("{number}.wav"), samples, 12_000.0, facts));
    }
    let all = folds(&recordings, Rule::Bearing, 5, 0).unwrap();
    assert_eq!(tested(&recordings, &all), [["a"], ["b"]]);
}

#[test]
fn one_bearing_a_class_and_names_with_commas_are_refused() {
    let message = |recordings: &[Recording]| folds(recordings, Rule::Bearing, 5, 0).unwrap_err().to_string();
    assert!(message(&rig(&[0.007])).contains("2 are needed to hold one out"));
    let mut recordings = rig(&[0.007, 0.014]);
    recordings[4].facts.bearing = Some("ball, no. 3".into());
    assert!(message(&recordings).contains("'ball, no. 3'"));
    let error = folds(&recordings, Rule::Time, 2, (1 << 63) - 1).unwrap_err().to_string();
    assert!(error.contains("--seed 9223372036854775807"), "{error}");
}

#[test]
fn twelve_ordered_pairs_of_four_loads() {
    let recordings = rig(&[0.007, 0.014]);
    let pairs = load_pairs(&recordings, 0).unwrap();
    assert_eq!(pairs.len(), 12);
    for fold in &pairs {
        let split = split(&recordings, fold);
        let (from, to) = fold.holdout.as_deref().unwrap().split_once(':').unwrap();
        assert_eq!(split.held_out, [to]);
        for window in &split.train {
            assert_eq!(recordings[window.recording].facts.load.unwrap().to_string(), from);
        }
    }
}

#[test]
fn what_is_not_known_cannot_take_turns() {
    let mut recordings = rig(&[0.007, 0.014]);
    recordings.iter_mut().for_each(|recording| recording.facts.load = Some(1.0));
    for result in [folds(&recordings, Rule::Load, 5, 0), load_pairs(&recordings, 0)] {
        let message = result.unwrap_err().to_string();
        assert!(message.contains("--split load: 1 load is known of 20 recordings"), "{message}");
    }
}
