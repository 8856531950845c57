//! What is wrong with a folder of recordings before anything is trained on it, and with a split of it: findings with
//! their remedies.

mod classes;
mod copies;
mod labels;
mod rates;
mod signals;
mod split;

use std::path::Path;

use serde::Serialize;

use super::catalogue::Entry;
use super::counted;
use super::file::{self, ReadOptions};
use super::folder::{self, Item, Layout};
use super::recording::{Facts, sha256_of_samples};
use super::split_record::SplitRecord;
use crate::error::{Error, Result};

/// What a folder's audit has found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Audit {
    /// How the folder says what its recordings are.
    pub layout: Layout,
    /// Number of recordings that it names.
    pub recordings: usize,
    /// What was found, the worst first; empty where nothing was.
    pub findings: Vec<Finding>,
}

impl Audit {
    /// Number of findings of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// How bad a finding is, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Training stops at it, or its figures would be wrong.
    Error,
    /// Figures may be wrong, or show less than they seem to.
    Warning,
    /// Good to know.
    Note,
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A recording cannot be read, or its signal cannot be used.
    Unusable,
    /// A signal seems clipped.
    Clipped,
    /// A signal is far weaker than the others.
    Silent,
    /// Samples occur more than once.
    Copy,
    /// Sampling rates differ, or one is or seems wrong.
    Rate,
    /// A label contradicts the catalogue.
    Label,
    /// A CWRU file is not the published one.
    Checksum,
    /// Classes are unequal, or too few.
    Classes,
    /// A class has too few known bearings.
    Bearings,
    /// Training and test of the split have something in common.
    Leak,
    /// The split and the folder do not fit together.
    Split,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// What it is, in words.
    pub finding: String,
    /// Names of the recordings, in the folder's order.
    pub recordings: Vec<String>,
    /// What to do about it.
    pub remedy: String,
}

impl Finding {
    fn new(
        severity: Severity,
        subject: Subject,
        finding: impl Into<String>,
        recordings: Vec<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { severity, subject, finding: finding.into(), recordings, remedy: remedy.into() }
    }
}

/// A saved split to look at together with the folder.
#[derive(Debug, Clone, Copy)]
pub struct SavedSplit<'a> {
    /// Its records.
    pub records: &'a [SplitRecord],
    /// Window in samples at the rate of the records' starts; where it is unknown, overlaps are not looked for.
    pub window: Option<usize>,
}

/// A recording whose signal can be used; its rate may be unknown.
struct Heard {
    name: String,
    signal: Vec<f32>,
    /// SHA-256 of the samples.
    sha256: String,
    /// Sampling rate in Hz.
    rate: Option<f64>,
    facts: Facts,
    /// The catalogue's entry, of a CWRU file.
    entry: Option<&'static Entry>,
}

/// Looks at a folder of recordings, and at a split of it.
///
/// # Errors
/// The folder or its `dataset.toml` cannot be read, or the folder names no recordings at all. What is wrong with
/// single recordings is a finding.
pub fn audit(dir: &Path, options: &ReadOptions, split: Option<SavedSplit<'_>>) -> Result<Audit> {
    let plan = folder::plan(dir)?;
    let count = plan.items.len();
    let mut findings = Vec::new();
    let mut heard = Vec::new();
    for item in plan.items {
        heard.extend(listen(item, options, &mut findings));
    }
    let shared = copies::find(&heard);
    findings.extend(signals::findings(&heard));
    findings.extend(copies::findings(&heard, &shared));
    findings.extend(rates::findings(&heard));
    findings.extend(classes::findings(&heard));
    if let Some(split) = split {
        findings.extend(split::findings(&heard, &shared, split));
    }
    let mut findings = merged(findings);
    findings.sort_by_key(|finding| finding.severity); // stable: within a severity by subject
    Ok(Audit { layout: plan.layout, recordings: count, findings })
}

/// Reads a recording; what keeps it from being used, and what its file contradicts, joins `findings`.
fn listen(item: Item, options: &ReadOptions, findings: &mut Vec<Finding>) -> Option<Heard> {
    let Item { path, name, stated } = item;
    let unusable = |error: Error| {
        // The table names the recording already.
        let text = error.to_string();
        let text = text.strip_prefix(&format!("{name}: ")).unwrap_or(&text);
        let remedy = "`train` stops at it; --skip-bad goes on without it";
        Finding::new(Severity::Error, Subject::Unusable, text, vec![name.clone()], remedy)
    };
    let read = stated.and_then(|stated| Ok((file::read_raw(&path, &stated, options)?, stated)));
    let (raw, stated) = read.map_err(|error| findings.push(unusable(error))).ok()?;
    let rate = file::rate(&raw, &stated, options).map_err(|error| findings.push(unusable(error))).ok();
    let fit = file::check_signal(&raw.signal).map_err(|error| findings.push(unusable(error))).is_ok();
    if let Some(entry) = raw.entry {
        match file::published_sha256(&path) {
            Ok(sha256) => findings.extend(labels::findings(&name, &stated, entry, sha256.as_deref())),
            Err(error) => findings.push(unusable(error)),
        }
    }
    fit.then(|| Heard {
        facts: file::facts(&raw, &stated),
        sha256: sha256_of_samples(&raw.signal),
        signal: raw.signal,
        name,
        rate,
        entry: raw.entry,
    })
}

/// Findings that say the same of several recordings become one.
fn merged(findings: Vec<Finding>) -> Vec<Finding> {
    let mut merged: Vec<Finding> = Vec::new();
    for finding in findings {
        let same = |other: &&mut Finding| {
            (other.severity, other.subject) == (finding.severity, finding.subject)
                && (&other.finding, &other.remedy) == (&finding.finding, &finding.remedy)
        };
        match merged.iter_mut().find(same) {
            Some(first) => first.recordings.extend(finding.recordings),
            None => merged.push(finding),
        }
    }
    merged
}
