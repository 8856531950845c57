//! Signals that can be used but should not be trusted: clipped, or far weaker than the others.

use super::{Finding, Heard, Severity, Subject};
use crate::data::info::clipped;

/// A signal below this share of the others' median is nearly silent: 40 dB.
const SILENT: f64 = 0.01;

pub(super) fn findings(recordings: &[Heard]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let levels: Vec<f64> = recordings.iter().map(|recording| level(&recording.signal)).collect();
    for (index, recording) in recordings.iter().enumerate() {
        let name = || vec![recording.name.clone()];
        let samples = clipped(&recording.signal);
        if samples > 0 {
            findings.push(Finding::new(
                Severity::Warning,
                Subject::Clipped,
                format!(
                    "seems clipped: {samples} samples stand in runs of three or more at an extreme value"
                ),
                name(),
                "record again with less gain or a wider range, or leave it out",
            ));
        }
        let mut others = levels.clone();
        others.remove(index);
        if let Some(median) = median(others)
            && levels[index] < SILENT * median
        {
            findings.push(Finding::new(
                Severity::Warning,
                Subject::Silent,
                format!(
                    "nearly silent: rms {:.2e} about its mean, where the others' median is {median:.2e}",
                    levels[index]
                ),
                name(),
                "check sensor, cable, channel and unit, or leave it out",
            ));
        }
    }
    findings
}

/// Root mean square about the mean, in the file's own unit.
fn level(signal: &[f32]) -> f64 {
    let count = signal.len() as f64;
    let mean = signal.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
    (signal.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count).sqrt()
}

/// The middle value, or the upper one of two; none of nothing.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
