//! Turning away what is unknown, against counts by hand.

use gpu_bearing::train::metrics::unknown::{
    Rejection, TurnedAway, by_recording, resolves, threshold, turned_away,
};

#[test]
fn at_most_the_asked_share_of_the_known_is_turned_away() {
    let known: Vec<f64> = (0..200).rev().map(f64::from).collect();
    for (share, expected) in [(0.0, 0), (0.004, 0), (0.01, 2), (0.0199, 3), (0.5, 100), (1.0, 199)] {
        let away = turned_away(&known, threshold(&known, share).unwrap());
        assert_eq!(away, TurnedAway { count: expected, of: 200 }, "{share}");
    }
}

#[test]
fn equal_scores_stay_together() {
    let known = [1.0, 1.0, 1.0, 2.0];
    // Half of them would be two of the three.
    assert_eq!(threshold(&known, 0.5), Some(1.0));
    assert_eq!(threshold(&known, 0.75), Some(2.0));
    assert_eq!(threshold(&[], 0.5), None);
}

#[test]
fn a_score_that_is_not_a_number_is_not_familiar() {
    assert_eq!(turned_away(&[1.0, f64::NAN, 0.0], 0.5), TurnedAway { count: 2, of: 3 });
}

#[test]
fn the_threshold_is_chosen_on_validation_only() {
    let validation: Vec<f64> = (1..=10).map(f64::from).collect();
    let rejection = Rejection::of(&validation, &[0.0, 5.0, 6.0, 7.0], &[1.5, 2.0, 5.0], 0.1).unwrap();
    assert_eq!(rejection.threshold, 2.0);
    assert_eq!(rejection.validation, TurnedAway { count: 1, of: 10 });
    assert_eq!(rejection.known.share(), Some(0.25));
    assert_eq!(rejection.unknown, TurnedAway { count: 1, of: 3 });
    // Of 12 pairs 8 are in order, one is equal.
    assert!((rejection.auroc.unwrap() - 8.5 / 12.0).abs() < 1e-15);
    let alone = Rejection::of(&validation, &[5.0], &[], 0.1).unwrap();
    assert_eq!((alone.auroc, alone.unknown.share()), (None, None));
}

#[test]
fn a_recording_is_as_familiar_as_its_windows_are_on_average() {
    let windows = [1.0, 2.0, 6.0, f32::NAN, 3.0, 4.0, f32::INFINITY];
    assert_eq!(by_recording(&[4, 7, 7, 2, 4, 2, 9], &windows), [f64::MIN, 2.0, 4.0, f64::MIN]);
}

#[test]
fn a_share_needs_as_many_recordings_as_one_of_them_is() {
    assert!(resolves(100, 0.01) && resolves(20, 0.05) && resolves(1, 1.0));
    assert!(!resolves(99, 0.01) && !resolves(0, 0.5) && !resolves(1000, 0.0));
}
