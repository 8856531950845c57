//! What training and test of a saved split have in common.

use std::collections::{BTreeMap, BTreeSet};

use super::copies::Shared;
use super::{Finding, Heard, SavedSplit, Severity, Subject, counted};
use crate::data::split::Part;

/// What the split says about one recording.
#[derive(Default)]
struct Used<'a> {
    name: &'a str,
    bearing: Option<&'a str>,
    conditions: BTreeSet<&'a str>,
    /// Starts of the windows of each part.
    starts: BTreeMap<Part, Vec<usize>>,
}

impl Used<'_> {
    /// Whether a window trained or validated, and whether one tests.
    fn sides(&self) -> Sides {
        Sides {
            learned: self.starts.keys().any(|part| *part != Part::Test),
            tested: self.starts.contains_key(&Part::Test),
        }
    }
}

/// On which sides of the split something stands.
#[derive(Default, Clone, Copy)]
struct Sides {
    learned: bool,
    tested: bool,
}

impl Sides {
    fn both(self) -> bool {
        self.learned && self.tested
    }
}

pub(super) fn findings(recordings: &[Heard], shared: &[Shared], split: SavedSplit<'_>) -> Vec<Finding> {
    let here: BTreeMap<&str, &Heard> = recordings.iter().map(|r| (r.sha256.as_str(), r)).collect();
    let mut used: BTreeMap<&str, Used<'_>> = BTreeMap::new();
    for record in split.records {
        let entry = used.entry(&record.sha256).or_default();
        entry.name = &record.recording;
        // What is known now goes before what was known when the split was made.
        let known = here.get(record.sha256.as_str()).and_then(|recording| recording.facts.bearing.as_deref());
        entry.bearing = known.or(record.bearing.as_deref());
        entry.conditions.insert(&record.condition);
        entry.starts.entry(record.part).or_default().push(record.start);
    }
    for starts in used.values_mut().flat_map(|used| used.starts.values_mut()) {
        starts.sort_unstable();
    }

    let mut findings = Vec::new();
    findings.extend(recordings_on_both_sides(&used));
    findings.extend(bearings_on_both_sides(&used));
    findings.extend(bearings_unknown(&used));
    findings.extend(copies_on_both_sides(recordings, shared, &used));
    match split.window {
        Some(window) => {
            let test = |part| part != Part::Test;
            findings.extend(overlaps(&used, window, test, Part::Test, Severity::Error));
            findings.extend(overlaps(
                &used,
                window,
                |p| p == Part::Train,
                Part::Validation,
                Severity::Warning,
            ));
        }
        None => findings.push(Finding::new(
            Severity::Note,
            Subject::Split,
            "overlapping windows were not looked for, since the window is not known",
            Vec::new(),
            "give it by --window, or the run's folder in place of its split.csv",
        )),
    }
    findings.extend(not_here(&used, &here));
    findings
}

fn recordings_on_both_sides(used: &BTreeMap<&str, Used<'_>>) -> Option<Finding> {
    let names: Vec<_> =
        used.values().filter(|used| used.sides().both()).map(|used| used.name.to_owned()).collect();
    if names.is_empty() {
        return None;
    }
    Some(Finding::new(
        Severity::Error,
        Subject::Leak,
        format!("{} both trained (or validated) and tested", counted(names.len(), "recording")),
        names,
        "train with --split recording or bearing; a test figure of this split shows other moments of known \
         recordings",
    ))
}

/// Bearings whose recordings stand on both sides, beyond single recordings that do.
fn bearings_on_both_sides(used: &BTreeMap<&str, Used<'_>>) -> Vec<Finding> {
    let mut bearings: BTreeMap<&str, Vec<&Used<'_>>> = BTreeMap::new();
    for used in used.values() {
        if let Some(bearing) = used.bearing {
            bearings.entry(bearing).or_default().push(used);
        }
    }
    let leak = |(bearing, own): (&str, Vec<&Used<'_>>)| {
        let sides: Vec<Sides> = own.iter().map(|used| used.sides()).collect();
        let both = sides.iter().any(|sides| sides.learned) && sides.iter().any(|sides| sides.tested);
        (both && own.len() > 1).then(|| {
            Finding::new(
                Severity::Error,
                Subject::Leak,
                format!("bearing '{bearing}' was trained (or validated) and is tested"),
                own.iter().map(|used| used.name.to_owned()).collect(),
                "train with --split bearing; a test figure of this split does not show an unseen bearing",
            )
        })
    };
    bearings.into_iter().filter_map(leak).collect()
}

fn bearings_unknown(used: &BTreeMap<&str, Used<'_>>) -> Option<Finding> {
    let unknown: Vec<_> =
        used.values().filter(|used| used.bearing.is_none()).map(|used| used.name.to_owned()).collect();
    if unknown.is_empty() {
        return None;
    }
    Some(Finding::new(
        Severity::Warning,
        Subject::Leak,
        format!(
            "the bearing of {} of {} in the split is not known, so that one may be on both sides",
            unknown.len(),
            counted(used.len(), "recording")
        ),
        unknown,
        "name the bearings: folders CONDITION/BEARING/FILE, or `bearing` in a dataset.toml",
    ))
}

fn copies_on_both_sides(
    recordings: &[Heard],
    shared: &[Shared],
    used: &BTreeMap<&str, Used<'_>>,
) -> Vec<Finding> {
    let sides =
        |index: usize| used.get(recordings[index].sha256.as_str()).map(Used::sides).unwrap_or_default();
    let leaks = |shared: &&Shared| {
        let (a, b) = (sides(shared.a), sides(shared.b));
        // One recording on both sides is a finding of its own.
        recordings[shared.a].sha256 != recordings[shared.b].sha256
            && ((a.learned && b.tested) || (a.tested && b.learned))
    };
    let finding = |shared: &Shared| {
        Finding::new(
            Severity::Error,
            Subject::Leak,
            format!("trained (or validated) and tested: {}", shared.words(recordings)),
            vec![recordings[shared.a].name.clone(), recordings[shared.b].name.clone()],
            "leave one of them out, or give them one bearing's name and train with --split bearing",
        )
    };
    shared.iter().filter(leaks).map(finding).collect()
}

/// Windows of part `other` that share samples with a window of a part that `is_first` names.
fn overlaps(
    used: &BTreeMap<&str, Used<'_>>,
    window: usize,
    is_first: impl Fn(Part) -> bool,
    other: Part,
    severity: Severity,
) -> Option<Finding> {
    let mut count = 0;
    let mut names = Vec::new();
    for used in used.values() {
        let mut first: Vec<usize> = used
            .starts
            .iter()
            .filter(|(part, _)| is_first(**part))
            .flat_map(|(_, s)| s.iter().copied())
            .collect();
        first.sort_unstable();
        let overlapping = used.starts.get(&other).into_iter().flatten().filter(|&&start| {
            // The first window that ends behind this one's start must begin behind its end.
            let next = first.partition_point(|&begun| begun + window <= start);
            first.get(next).is_some_and(|&begun| begun < start + window)
        });
        let here = overlapping.count();
        if here > 0 {
            count += here;
            names.push(used.name.to_owned());
        }
    }
    let side = if other == Part::Test { "train or validation" } else { "train" };
    (count > 0).then(|| {
        Finding::new(
            severity,
            Subject::Leak,
            format!("{} of the {other} part with samples of {side} windows", counted(count, "window")),
            names,
            "divide again with `train --split`, which leaves out what would overlap two parts",
        )
    })
}

/// Recordings of the split that the folder lacks, and labels that have changed since.
fn not_here(used: &BTreeMap<&str, Used<'_>>, here: &BTreeMap<&str, &Heard>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let missing: Vec<_> = (used.iter())
        .filter(|(sha256, _)| !here.contains_key(*sha256))
        .map(|(_, used)| used.name.to_owned())
        .collect();
    if !missing.is_empty() {
        findings.push(Finding::new(
            Severity::Warning,
            Subject::Split,
            format!(
                "{} of {} in the split are not in this folder, or not with these samples",
                missing.len(),
                counted(used.len(), "recording")
            ),
            missing,
            "give the folder that the split was drawn from, with the same --channel and --variable",
        ));
    }
    for (sha256, used) in used {
        let Some(recording) = here.get(sha256) else { continue };
        let Some(now) = recording.facts.condition.as_deref() else { continue };
        // The paper's protocol tells the outer race's positions apart, which the catalogue does not.
        if !used.conditions.iter().any(|then| *then == now || then.starts_with(&format!("{now} @"))) {
            let then: Vec<_> = used.conditions.iter().copied().collect();
            findings.push(Finding::new(
                Severity::Warning,
                Subject::Split,
                format!("labelled {now} here and {} in the split", then.join(", ")),
                vec![recording.name.clone()],
                "train again if the label in the split was wrong",
            ));
        }
    }
    findings
}
