//! What `gpu-bearing data info` shows: what files hold and what is wrong with them, without stopping at a
//! bad one.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::catalogue::Entry;
use super::file::{self, Format, Raw, ReadOptions, Stated};
use super::folder::{self, Layout};
use super::grade::Grade;
use super::mat::MatFile;
use super::recording::{Facts, sha256_of_samples};
use super::wav;
use crate::error::{Error, Result};

/// What is known about a folder's recordings, or about one file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Info {
    /// How the folder says what its recordings are; `None` for a single file.
    pub layout: Option<Layout>,
    /// The recordings, in the order in which they are loaded.
    pub recordings: Vec<RecordingInfo>,
    /// What concerns several recordings: rates that differ, signals that occur twice.
    pub notes: Vec<String>,
}

/// One recording.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RecordingInfo {
    /// The path below the folder, or as given.
    pub name: String,
    /// What the file holds: WAV channels, or the MAT file's variables.
    pub contents: Vec<Content>,
    /// The variable that is read, of a MAT file.
    pub variable: Option<String>,
    /// Sampling rate in Hz.
    pub rate: Option<f64>,
    /// Length in samples.
    pub samples: Option<usize>,
    /// Length in seconds.
    pub seconds: Option<f64>,
    /// Root mean square in the file's own unit.
    pub rms: Option<f64>,
    /// Largest absolute value in the file's own unit.
    pub peak: Option<f64>,
    /// The class.
    pub condition: Option<String>,
    /// The physical bearing.
    pub bearing: Option<String>,
    /// Shaft speed in rpm.
    pub rpm: Option<f64>,
    /// Motor load in hp.
    pub load: Option<f64>,
    /// Fault diameter in inch.
    pub fault_size: Option<f64>,
    /// Position of an outer-race fault on the clock face.
    pub position: Option<String>,
    /// CWRU number.
    pub cwru: Option<u32>,
    /// How plainly experts see its fault.
    pub grade: Option<Grade>,
    /// Whether the file is the one that CWRU publishes.
    pub checksum: Checksum,
    /// SHA-256 of the samples.
    pub sha256: Option<String>,
    /// What is wrong with it; empty where it can be used.
    pub problems: Vec<String>,
    /// What to look at, though it can be used.
    pub hints: Vec<String>,
}

/// A signal or other variable in a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Content {
    /// The variable's name; WAV channels have none.
    pub name: Option<String>,
    /// The samples' type, such as `int16` or `double`.
    pub class: String,
    /// Extents: samples x channels of a WAV, rows x columns of a variable. Empty where a WAV's writer did
    /// not know the length.
    pub dims: Vec<usize>,
}

/// How a file's SHA-256 compares with the catalogue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Checksum {
    /// The published file, byte for byte.
    Published,
    /// A CWRU file by number and content, but not byte for byte the published one.
    Different,
    /// Not a CWRU file: there is nothing to compare with.
    #[default]
    Unknown,
}

/// Looks at a folder or a file.
///
/// # Errors
/// The path does not exist, or the folder names no recordings at all. What is wrong with single recordings
/// stands in their `problems`.
pub fn info(path: &Path, options: &ReadOptions) -> Result<Info> {
    let (layout, recordings) = if path.is_dir() {
        let plan = folder::plan(path)?;
        let look = |item: folder::Item| recording_info(&item.path, item.name, item.stated, options);
        (Some(plan.layout), plan.items.into_iter().map(look).collect())
    } else {
        file::open(path).map_err(|error| error.within(path.display()))?;
        (None, vec![recording_info(path, path.display().to_string(), Ok(Stated::default()), options)])
    };
    let notes = notes(&recordings);
    Ok(Info { layout, recordings, notes })
}

fn recording_info(path: &Path, name: String, stated: Result<Stated>, options: &ReadOptions) -> RecordingInfo {
    let mut info = RecordingInfo { name, ..RecordingInfo::default() };
    match contents(path) {
        Ok(contents) => info.contents = contents,
        Err(error) => {
            info.problems.push(error.to_string());
            return info;
        }
    }
    let stated = stated.unwrap_or_else(|error| {
        info.problems.push(error.to_string());
        Stated::default()
    });
    match file::read_raw(path, &stated, options) {
        Ok(raw) => describe(&mut info, path, raw, &stated, options),
        Err(error) => info.problems.push(error.to_string()),
    }
    info
}

fn contents(path: &Path) -> Result<Vec<Content>> {
    match Format::of(path) {
        Some(Format::Wav) => {
            let format = wav::inspect(file::open(path)?)?;
            let class = format!("{}{}", if format.float { "float" } else { "int" }, format.bits);
            let dims = format.samples.map_or_else(Vec::new, |samples| vec![samples, format.channels]);
            Ok(vec![Content { name: None, class, dims }])
        }
        Some(Format::Mat) => {
            let file = MatFile::new(file::open(path)?)?;
            let content = |v: &super::mat::Variable| Content {
                name: Some(v.name.clone()),
                class: v.class.to_string(),
                dims: v.dims.clone(),
            };
            Ok(file.variables().iter().map(content).collect())
        }
        None => Err(Error::input("neither .wav nor .mat; convert the recording to one of them")),
    }
}

fn describe(info: &mut RecordingInfo, path: &Path, raw: Raw, stated: &Stated, options: &ReadOptions) {
    let mut problem = |error: Error| info.problems.push(error.to_string());
    let rate = file::rate(&raw, stated, options).map_err(&mut problem).ok();
    let fit = file::check_signal(&raw.signal).map_err(&mut problem).is_ok();
    info.checksum = checksum(path, raw.entry).map_err(&mut problem).unwrap_or_default();
    let clipped = clipped(&raw.signal);
    if fit && clipped > 0 {
        info.hints.push(format!(
            "seems clipped: {clipped} samples stand in runs of three or more at the largest or smallest value"
        ));
    }
    if fit {
        let square = |sum: f64, &sample: &f32| sum + f64::from(sample) * f64::from(sample);
        info.rms = Some((raw.signal.iter().fold(0.0, square) / raw.signal.len() as f64).sqrt());
        info.peak = Some(f64::from(raw.signal.iter().fold(0.0, |peak: f32, sample| peak.max(sample.abs()))));
        info.sha256 = Some(sha256_of_samples(&raw.signal));
    }
    info.rate = rate;
    info.samples = Some(raw.signal.len());
    info.seconds = rate.map(|rate| raw.signal.len() as f64 / rate);
    let facts = file::facts(&raw, stated);
    let Facts { condition, bearing, rpm, load, fault_size, position, cwru, grade } = facts;
    info.variable = raw.variable;
    (info.condition, info.bearing, info.position, info.cwru) = (condition, bearing, position, cwru);
    (info.rpm, info.load, info.fault_size, info.grade) = (rpm, load, fault_size, grade);
}

fn checksum(path: &Path, entry: Option<&Entry>) -> Result<Checksum> {
    let Some(entry) = entry else { return Ok(Checksum::Unknown) };
    let published = file::published_sha256(path)?.is_some_and(|sha256| sha256 == entry.sha256);
    Ok(if published { Checksum::Published } else { Checksum::Different })
}

/// Samples in runs of three or more at the signal's largest or smallest value, where there are at least two
/// such runs: one alone may be a slow turning point of a coarsely quantised signal.
pub(super) fn clipped(signal: &[f32]) -> usize {
    let largest = signal.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let smallest = signal.iter().copied().fold(f32::INFINITY, f32::min);
    let runs = signal
        .chunk_by(|a, b| a == b)
        .filter(|run| run.len() >= 3 && (run[0] == largest || run[0] == smallest))
        .map(<[f32]>::len);
    let lengths: Vec<_> = runs.collect();
    if lengths.len() >= 2 { lengths.iter().sum() } else { 0 }
}

fn notes(recordings: &[RecordingInfo]) -> Vec<String> {
    let mut notes = Vec::new();
    let mut rates: Vec<(f64, usize)> = Vec::new();
    let mut signals: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for recording in recordings {
        if let Some(rate) = recording.rate {
            match rates.iter_mut().find(|(known, _)| *known == rate) {
                Some((_, count)) => *count += 1,
                None => rates.push((rate, 1)),
            }
        }
        if let Some(sha256) = &recording.sha256 {
            signals.entry(sha256).or_default().push(&recording.name);
        }
    }
    if rates.len() > 1 {
        rates.sort_by(|a, b| a.0.total_cmp(&b.0));
        let rates: Vec<_> = rates.iter().map(|(rate, count)| format!("{count} at {rate} Hz")).collect();
        notes.push(format!("sampling rates differ: {}", rates.join(", ")));
    }
    for names in signals.values().filter(|names| names.len() > 1) {
        notes.push(format!("the same signal occurs {} times: {}", names.len(), names.join(", ")));
    }
    notes
}
