//! False alarms and missed faults, against counts by hand.

use gpu_bearing::report::alarms::panel;
use gpu_bearing::train::Scored;
use gpu_bearing::train::metrics::alarms::{AlarmPoint, alarms};

fn names(classes: &[&str]) -> Vec<String> {
    classes.iter().map(|&class| class.to_owned()).collect()
}

/// Recordings of three classes, the first of which is healthy.
fn recordings() -> Scored {
    let mut scored = Scored::new(3);
    let rows = [
        (0, [0.7, 0.2, 0.1]),
        (0, [0.4, 0.5, 0.1]),
        (0, [0.4, 0.3, 0.3]),
        (1, [0.4, 0.1, 0.5]),
        (1, [0.8, 0.1, 0.1]),
        (2, [0.0, 0.2, 0.8]),
    ];
    for (recording, (label, row)) in rows.into_iter().enumerate() {
        scored.push(label, recording, row);
    }
    scored
}

#[test]
fn a_wrong_fault_is_no_alarm_of_its_own() {
    let alarms = alarms(&recordings(), &names(&["Normal", "ball", "inner race"])).unwrap();
    assert_eq!((alarms.healthy, alarms.false_alarms, alarms.faulty, alarms.missed_faults), (3, 1, 3, 1));
}

#[test]
fn the_curve_runs_from_no_alarm_to_nothing_but_alarms() {
    let alarms = alarms(&recordings(), &names(&["healthy", "ball", "inner race"])).unwrap();
    let expected = [(0.0, 0, 2), (0.4, 2, 1), (0.7, 3, 1), (0.8, 3, 0)].map(
        |(threshold, false_alarms, missed_faults)| AlarmPoint { threshold, false_alarms, missed_faults },
    );
    assert_eq!(alarms.curve, expected);
}

#[test]
fn without_a_healthy_class_there_are_no_alarms() {
    assert_eq!(alarms(&recordings(), &names(&["outer race", "ball", "inner race"])), None);
}

#[test]
fn the_plot_steps_at_the_thresholds_and_ends_at_100() {
    let alarms = alarms(&recordings(), &names(&["healthy", "ball", "inner race"])).unwrap();
    let panel = panel(&alarms, "split by bearing");
    assert_eq!(
        panel.curves[0].points,
        [(0.0, 2.0), (40.0, 2.0), (40.0, 1.0), (80.0, 1.0), (80.0, 0.0), (100.0, 0.0)]
    );
    assert_eq!(panel.curves[1].points[..3], [(0.0, 0.0), (40.0, 0.0), (40.0, 2.0)]);
    assert!(panel.title.contains("split by bearing"));
}
