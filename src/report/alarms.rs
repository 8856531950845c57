//! False alarms and missed faults over the threshold, as a plot: what an operator may choose between.

use super::plot::{Curve, Panel, Scale};
use crate::train::metrics::alarms::{AlarmPoint, Alarms};

/// The counts by recording of `alarms` over the threshold on P(healthy), with the `split` in words, as
/// [`super::page::Split::words`] gives it.
pub fn panel(alarms: &Alarms, split: &str) -> Panel {
    let curve =
        |name: String, count: fn(&AlarmPoint) -> u64| Curve { name, points: steps(&alarms.curve, count) };
    // A multiple of the frame's four lines, so that they stand at whole recordings.
    let top = alarms.healthy.max(alarms.faulty).next_multiple_of(4);
    Panel {
        title: format!("recordings ({split})"),
        x: "threshold on P(healthy), %".to_owned(),
        scale: Scale::Counted,
        top: top as f64,
        curves: vec![
            curve(format!("missed faults of {}", alarms.faulty), |point| point.missed_faults),
            curve(format!("false alarms of {}", alarms.healthy), |point| point.false_alarms),
        ],
        mark: None,
    }
}

/// The corners of the steps from 0 to 100 %: counts hold from one threshold up to the next.
fn steps(points: &[AlarmPoint], count: fn(&AlarmPoint) -> u64) -> Vec<(f64, f64)> {
    let mut corners: Vec<(f64, f64)> = Vec::new();
    for point in points {
        let (x, y) = (100.0 * point.threshold, count(point) as f64);
        match corners.last() {
            Some(&(_, before)) if before == y => (),
            Some(&(_, before)) => corners.extend([(x, before), (x, y)]),
            None => corners.push((x, y)),
        }
    }
    corners.extend(corners.last().map(|&(_, last)| (100.0, last)));
    corners
}
