//! False alarms and missed faults: how many, and how they trade against each other.

use serde::{Deserialize, Serialize};

use super::Scored;
use crate::data::classes::is_healthy;

/// A false alarm is a healthy row that is called faulty, a missed fault a faulty one that is called healthy; which
/// fault a faulty one is taken for does not count here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alarms {
    /// Number of healthy rows.
    pub healthy: u64,
    /// Those taken for a fault, by the most probable class.
    pub false_alarms: u64,
    /// Number of faulty rows.
    pub faulty: u64,
    /// Those taken for healthy, by the most probable class.
    pub missed_faults: u64,
    /// Both over the threshold on P(healthy), by the threshold.
    pub curve: Vec<AlarmPoint>,
}

/// What comes of calling healthy what has a P(healthy) above a threshold, and faulty what has not.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AlarmPoint {
    /// The threshold, 0 to 1. The counts hold from here up to the next point's.
    pub threshold: f64,
    /// Number of healthy rows at or below the threshold.
    pub false_alarms: u64,
    /// Number of faulty rows above it.
    pub missed_faults: u64,
}

/// The alarms over the rows of `recordings`, with `classes` named; none where no class is called healthy or normal.
/// Where several are, P(healthy) is their sum. An operator hears one alarm a recording: give
/// [`Scored::by_recording`].
///
/// The curve begins at 0, where only what is certainly faulty gives an alarm, and ends at the highest P(healthy), where
/// everything does.
pub fn alarms(recordings: &Scored, classes: &[String]) -> Option<Alarms> {
    let healthy_classes: Vec<usize> =
        (0..classes.len()).filter(|&class| is_healthy(&classes[class])).collect();
    if healthy_classes.is_empty() {
        return None;
    }
    // Of every row: P(healthy), and whether it is.
    let mut rows: Vec<(f64, bool)> = Vec::with_capacity(recordings.len());
    let (mut false_alarms, mut missed_faults) = (0, 0);
    for (row, label) in recordings.labels().iter().enumerate() {
        let healthy = healthy_classes.contains(label);
        match (healthy, healthy_classes.contains(&recordings.decision(row).0)) {
            (true, false) => false_alarms += 1,
            (false, true) => missed_faults += 1,
            _ => (),
        }
        let probabilities = recordings.probabilities(row);
        rows.push((healthy_classes.iter().map(|&class| probabilities[class]).sum(), healthy));
    }
    let healthy = rows.iter().filter(|(_, healthy)| *healthy).count() as u64;
    let faulty = rows.len() as u64 - healthy;
    Some(Alarms { healthy, false_alarms, faulty, missed_faults, curve: curve(rows, faulty) })
}

/// The points of the curve over rows of P(healthy) and whether it is, `faulty` of which are not.
fn curve(mut rows: Vec<(f64, bool)>, faulty: u64) -> Vec<AlarmPoint> {
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut points = vec![AlarmPoint { threshold: 0.0, false_alarms: 0, missed_faults: faulty }];
    for equal in rows.chunk_by(|a, b| a.0 == b.0) {
        let healthy = equal.iter().filter(|(_, healthy)| *healthy).count() as u64;
        let before = points[points.len() - 1];
        let point = AlarmPoint {
            threshold: equal[0].0,
            false_alarms: before.false_alarms + healthy,
            missed_faults: before.missed_faults - (equal.len() as u64 - healthy),
        };
        if point.threshold == before.threshold {
            points.pop();
        }
        points.push(point);
    }
    points
}
