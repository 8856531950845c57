//! Intervals over bearings, where the resampled figures follow a known distribution.

use gpu_bearing::train::Scored;
use gpu_bearing::train::metrics::bootstrap::{Interval, interval};
use gpu_bearing::train::metrics::confusion::accuracy;

/// Two classes of `bearings` each, two recordings of ten windows a bearing. Every window is right but those of one bearing of
/// class 1. With the bearing of each recording.
fn scored(bearings: usize) -> (Scored, Vec<Option<String>>) {
    let mut scored = Scored::new(2);
    let mut names = Vec::new();
    for label in 0..2 {
        for bearing in 0..bearings {
            let right = if (label, bearing) == (0, 0) || label == 1 { [0.1, 0.9] } else { [0.9, 0.1] };
            for _ in 0..2 {
                (0..10).for_each(|_| scored.push(label, names.len(), right));
                names.push(Some(format!("{label}-{bearing}")));
            }
        }
    }
    (scored, names)
}

fn share(scored: &Scored) -> Option<f64> {
    accuracy(&scored.confusion())
}

#[test]
fn bearings_are_drawn_whole() {
    let (scored, bearings) = scored(5);
    // Of 10 bearings k are wrong, k binomial with n = 5 and p = 1/5: P(k = 0) = 0.33, P(k >= 3) = 0.058,
    // P(k >= 4) = 0.007. Over windows it would be 0.85 to 0.94.
    let expected = Some(Interval { low: 0.7, high: 1.0 });
    assert_eq!(interval(&scored, &bearings, 1, share), expected);
    let by_recording = |scored: &Scored| {
        let recordings = scored.by_recording();
        assert_eq!(recordings.len(), 20);
        share(&recordings)
    };
    assert_eq!(interval(&scored, &bearings, 1, by_recording), expected);
}

#[test]
fn every_class_keeps_its_bearings() {
    let (scored, bearings) = scored(6);
    let of_class_0 =
        |scored: &Scored| Some(scored.labels().iter().filter(|&&label| label == 0).count() as f64);
    assert_eq!(interval(&scored, &bearings, 1, of_class_0), Some(Interval { low: 120.0, high: 120.0 }));
}

#[test]
fn an_interval_is_a_function_of_the_seed() {
    let (scored, bearings) = scored(8);
    // The bearings drawn, in order.
    let drawn = |seed: u64| {
        let figures = std::cell::RefCell::new(Vec::new());
        interval(&scored, &bearings, seed, |scored| {
            figures.borrow_mut().push(share(scored));
            share(scored)
        });
        figures.into_inner()
    };
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
}

#[test]
fn too_few_or_unknown_bearings_have_no_interval() {
    let (few, bearings) = scored(4);
    assert_eq!(interval(&few, &bearings, 1, share), None);
    let (scored, mut bearings) = scored(5);
    bearings[3] = None;
    assert_eq!(interval(&scored, &bearings, 1, share), None);
    assert_eq!(interval(&Scored::new(2), &[], 1, share), None);
}
