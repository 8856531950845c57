//! `split.csv`: which window of which recording trained, validated and tested, by the recording's content.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Recording;
use super::split::{Part, Split};
use super::windows::Window;
use crate::{Error, Result};

/// A row of `split.csv`: one window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitRecord {
    /// The recording's name.
    pub recording: String,
    /// The recording's SHA-256, see [`Recording::sha256`].
    pub sha256: String,
    /// The bearing; an empty field where it is unknown.
    pub bearing: Option<String>,
    /// The window's first sample, at the working rate.
    pub start: usize,
    /// What the window was used for.
    pub part: Part,
    /// The class.
    pub condition: String,
}

impl Split {
    /// A record for every window of every part: train, then validation, then test.
    pub fn records(&self, recordings: &[Recording]) -> Vec<SplitRecord> {
        [Part::Train, Part::Validation, Part::Test]
            .into_iter()
            .flat_map(|part| self.part(part).iter().map(move |window| (part, window)))
            .map(|(part, window)| {
                let recording = &recordings[window.recording];
                SplitRecord {
                    recording: recording.name.clone(),
                    sha256: recording.sha256.clone(),
                    bearing: recording.facts.bearing.clone(),
                    start: window.start,
                    part,
                    condition: self.classes[window.label].clone(),
                }
            })
            .collect()
    }
}

/// Writes `records` to `path` as CSV with a head line, through a temporary file.
///
/// # Errors
/// If the file cannot be written.
pub fn write(path: &Path, records: &[SplitRecord]) -> Result<()> {
    let failed = |cause: csv::Error| Error::write(path, &cause.into());
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in records {
        writer.serialize(record).map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|cause| Error::write(path, cause.error()))?;
    crate::write::replace(path, &bytes)
}

/// Reads what [`write()`] wrote.
///
/// # Errors
/// If the file cannot be read or a row is not a record; the message names the line.
pub fn read(path: &Path) -> Result<Vec<SplitRecord>> {
    let file = File::open(path).map_err(|cause| Error::read(path, &cause))?;
    csv::Reader::from_reader(file)
        .deserialize()
        .map(|row| row.map_err(|cause| Error::input(format!("{}: {cause}", path.display()))))
        .collect()
}

/// The records of a model that was trained by the split `own`, started from one whose records are `inherited`: all that
/// either has learned from, and of the test windows of `own` those that the other has not learned from.
pub fn with_inherited(own: Vec<SplitRecord>, inherited: &[SplitRecord]) -> Vec<SplitRecord> {
    let (tested, learned): (Vec<&SplitRecord>, Vec<&SplitRecord>) =
        inherited.iter().partition(|record| record.part == Part::Test);
    let held_out: BTreeSet<(&str, usize)> = tested.iter().map(|r| (r.sha256.as_str(), r.start)).collect();
    let seen: BTreeSet<&str> = learned.iter().map(|record| record.sha256.as_str()).collect();
    let fair = |record: &SplitRecord| {
        let sha256 = record.sha256.as_str();
        record.part != Part::Test || !seen.contains(sha256) || held_out.contains(&(sha256, record.start))
    };
    own.into_iter().filter(fair).chain(learned.into_iter().cloned()).collect()
}

/// The windows that a trained model may be scored on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scored {
    /// These windows were neither trained nor validated on, nor do they overlap one that was.
    pub windows: Vec<Window>,
    /// Number of windows left out, all of recordings that the run has seen.
    pub left_out: usize,
    /// Names of new recordings whose bearing was trained or validated on: their figures leak.
    pub bearing_seen: Vec<String>,
}

/// Picks from `windows` of `recordings` those that may be scored with the model whose split is `records`.
///
/// Of a recording that the run has seen, recognised by its SHA-256 whatever its name, exactly the test windows
/// are scored; all others were used, overlap a used one or lie in a gap. Every window of a new one is scored.
pub fn scored(recordings: &[Recording], windows: &[Window], records: &[SplitRecord]) -> Scored {
    let mut tested: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    let mut bearings_used = BTreeSet::new();
    for record in records {
        let starts = tested.entry(&record.sha256).or_default();
        if record.part == Part::Test {
            starts.insert(record.start);
        } else {
            bearings_used.extend(&record.bearing);
        }
    }

    let windows_scored: Vec<Window> = windows
        .iter()
        .filter(|window| {
            let seen = tested.get(recordings[window.recording].sha256.as_str());
            seen.is_none_or(|starts| starts.contains(&window.start))
        })
        .copied()
        .collect();
    let bearing_seen = recordings
        .iter()
        .filter(|recording| !tested.contains_key(recording.sha256.as_str()))
        .filter(|recording| recording.facts.bearing.as_ref().is_some_and(|name| bearings_used.contains(name)))
        .map(|recording| recording.name.clone())
        .collect();
    Scored { left_out: windows.len() - windows_scored.len(), windows: windows_scored, bearing_seen }
}
