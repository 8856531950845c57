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
fn many_bearings_are_drawn() {
    let recordings = rig(&[0.007, 0.011, 0.014, 0.021, 0.028, 0.04]);
    let drawn = folds(&recordings, Rule::Bearing, 4, 7).unwrap();
    assert_eq!(drawn.iter().map(|fold| fold.seed).collect::<Vec<_>>(), [7, 8, 9, 10]);
    assert!(drawn.iter().all(|fold| fold.holdout.is_none() && fold.rule == Rule::Bearing));
    assert_eq!(folds(&recordings, Rule::Time, 3, 0).unwrap().len(), 3);
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
