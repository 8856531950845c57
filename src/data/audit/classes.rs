//! Classes: how unequal they are, and whether each has the bearings that a split by bearing needs.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Heard, Severity, Subject, counted};

/// The largest class lasts so many times as long as the smallest: a note.
const UNEQUAL: f64 = 2.0;
/// The same: a warning.
const VERY_UNEQUAL: f64 = 10.0;
/// Bearings that a class needs: one for each part of a split.
const PARTS: usize = 3;

pub(super) fn findings(recordings: &[Heard]) -> Vec<Finding> {
    let mut classes: BTreeMap<&str, Vec<&Heard>> = BTreeMap::new();
    for recording in recordings {
        if let Some(condition) = recording.facts.condition.as_deref() {
            classes.entry(condition).or_default().push(recording);
        }
    }
    let mut findings = Vec::new();
    if let (Some((only, own)), 1) = (classes.iter().next(), classes.len()) {
        findings.push(Finding::new(
            Severity::Error,
            Subject::Classes,
            format!("all usable recordings have one condition ({only}), and a classifier needs two at least"),
            names(own),
            "add recordings of another condition",
        ));
    }
    findings.extend(unequal(&classes));
    for (class, own) in &classes {
        let unknown: Vec<&Heard> = own.iter().copied().filter(|r| r.facts.bearing.is_none()).collect();
        if !unknown.is_empty() {
            findings.push(Finding::new(
                Severity::Warning,
                Subject::Bearings,
                format!(
                    "{class}: the bearing of {} of {} is not known: one may be on both sides of a split",
                    unknown.len(),
                    counted(own.len(), "recording")
                ),
                names(&unknown),
                "name the bearings: folders CONDITION/BEARING/FILE, or `bearing` in a dataset.toml",
            ));
            continue;
        }
        let bearings: BTreeSet<_> = own.iter().filter_map(|r| r.facts.bearing.as_deref()).collect();
        if bearings.len() < PARTS {
            findings.push(Finding::new(
                Severity::Warning,
                Subject::Bearings,
                format!(
                    "{class}: {} only, so that `train` divides it by a weaker rule and the split leaks",
                    counted(bearings.len(), "bearing")
                ),
                names(own),
                "record three bearings of each class, or report the figures as those of known bearings",
            ));
        }
    }
    findings
}

/// Shares of time, since a class's windows follow from how long its recordings last.
fn unequal(classes: &BTreeMap<&str, Vec<&Heard>>) -> Option<Finding> {
    let seconds = |own: &[&Heard]| -> Option<f64> {
        own.iter().map(|recording| Some(recording.signal.len() as f64 / recording.rate?)).sum()
    };
    let lengths: Vec<(&str, f64)> =
        classes.iter().map(|(class, own)| Some((*class, seconds(own)?))).collect::<Option<_>>()?;
    let by_length = |a: &&(&str, f64), b: &&(&str, f64)| a.1.total_cmp(&b.1);
    let (smallest, largest) = (lengths.iter().min_by(by_length)?, lengths.iter().max_by(by_length)?);
    let times = largest.1 / smallest.1;
    if times < UNEQUAL {
        return None;
    }
    let whole: f64 = lengths.iter().map(|(_, seconds)| seconds).sum();
    let shares: Vec<_> =
        lengths.iter().map(|(class, seconds)| format!("{class} {:.0} %", 100.0 * seconds / whole)).collect();
    let severity = if times < VERY_UNEQUAL { Severity::Note } else { Severity::Warning };
    Some(Finding::new(
        severity,
        Subject::Classes,
        format!("classes are unequal, {times:.1} to 1 in time: {}", shares.join(", ")),
        names(&classes[smallest.0]),
        "judge by macro F1 and per-class recall, not by accuracy; record more of the smallest class",
    ))
}

fn names(recordings: &[&Heard]) -> Vec<String> {
    recordings.iter().map(|recording| recording.name.clone()).collect()
}
