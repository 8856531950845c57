//! A folder of recordings in, in one of three layouts.
//!
//! 1. `dataset.toml` at the top lists every recording.
//! 2. CWRU files under their official numbers, at any depth: the catalogue says what they are. One
//!    recognised file makes the folder a CWRU folder; name other classes for them in a `dataset.toml`.
//! 3. A folder per condition: `CONDITION/FILE`, or `CONDITION/BEARING/FILE` where the bearings are known.
//!    One bearing name is one bearing, under whichever condition it stands.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::catalogue::{self, Entry};
use super::file::{self, Format, ReadOptions, Stated};
use super::mat::MatFile;
use super::recording::{Facts, Recording};
use crate::error::{Error, Result};

/// Folders below the top that are looked into: ends a walk through links that lead in a circle.
const MAX_DEPTH: usize = 8;
/// Bad recordings that one message lists.
const MAX_LISTED: usize = 20;

/// How a folder says what its recordings are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// A `dataset.toml` lists them.
    Listed,
    /// CWRU files, by the catalogue.
    Cwru,
    /// A folder per condition.
    Folders,
}

/// The recordings of a folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// In a fixed order: as listed, by CWRU number, or by name. Each has a condition.
    pub recordings: Vec<Recording>,
    /// What `--skip-bad` left out: name and reason.
    pub skipped: Vec<(String, Error)>,
}

impl Dataset {
    /// The recordings that were read, each with its name; what fails is skipped where `skip_bad` allows it.
    ///
    /// # Errors
    /// Without `skip_bad`, all recordings that fail, listed together; with it, nothing left.
    pub fn gather(
        read: impl IntoIterator<Item = (String, Result<Recording>)>,
        skip_bad: bool,
    ) -> Result<Self> {
        let mut dataset = Self { recordings: Vec::new(), skipped: Vec::new() };
        let mut bad = Vec::new();
        for (name, recording) in read {
            match recording {
                Ok(recording) => dataset.recordings.push(recording),
                Err(error) => bad.push((name, error)),
            }
        }
        dataset.skip(bad, skip_bad)?;
        Ok(dataset)
    }

    /// Puts every recording through `step`, such as resampling or a check of its length: what fails joins
    /// `skipped` where `skip_bad` allows it.
    ///
    /// # Errors
    /// As [`Dataset::gather`].
    pub fn each(self, skip_bad: bool, step: impl Fn(Recording) -> Result<Recording>) -> Result<Self> {
        let stepped = self.recordings.into_iter().map(|recording| (recording.name.clone(), step(recording)));
        let mut dataset = Self::gather(stepped, skip_bad)?;
        dataset.skipped.splice(0..0, self.skipped);
        Ok(dataset)
    }

    fn skip(&mut self, bad: Vec<(String, Error)>, skip_bad: bool) -> Result<()> {
        if bad.is_empty() {
            return Ok(());
        }
        let of = self.recordings.len() + bad.len();
        if !skip_bad {
            let remedy = if self.recordings.is_empty() { "" } else { " (--skip-bad goes on without them)" };
            return Err(list_bad(&bad, of, remedy));
        }
        if self.recordings.is_empty() {
            return Err(list_bad(&bad, of, "; --skip-bad leaves nothing"));
        }
        self.skipped.extend(bad);
        Ok(())
    }
}

fn list_bad(bad: &[(String, Error)], of: usize, remedy: &str) -> Error {
    if let ([(_, only)], 1) = (bad, of) {
        return only.clone();
    }
    let mut message = format!("{} of {of} recordings cannot be used{remedy}:", bad.len());
    for (_, error) in bad.iter().take(MAX_LISTED) {
        message += &format!("\n  {error}");
    }
    if bad.len() > MAX_LISTED {
        message += &format!("\n  ... and {} more (gpu-bearing data info lists all)", bad.len() - MAX_LISTED);
    }
    Error::input(message)
}

/// Reads all recordings of a folder.
///
/// # Errors
/// The folder cannot be read or holds no recording; `dataset.toml` is wrong (with the line); recordings that
/// cannot be used, all listed in one error, unless `options.skip_bad` lets them be skipped and some are left.
pub fn load(dir: &Path, options: &ReadOptions) -> Result<Dataset> {
    read(dir, plan(dir)?.items, options)
}

/// Reads only the CWRU recordings with these numbers. Other files in the folder do not matter, bad ones included.
///
/// # Errors
/// As [`load`], but a folder without any of the recordings gives an empty set.
pub(super) fn load_cwru(dir: &Path, numbers: &[u32], options: &ReadOptions) -> Result<Dataset> {
    let wanted = |item: &Item| {
        // A damaged file is taken for what its name says: if it is wanted, its damage is what to report.
        let entry = recognised(&item.path).unwrap_or_else(|_| {
            item.path.file_stem().and_then(|stem| stem.to_str()).and_then(catalogue::by_stem)
        });
        entry.is_some_and(|entry| numbers.contains(&entry.number))
    };
    read(dir, plan(dir)?.items.into_iter().filter(wanted), options)
}

fn read(dir: &Path, items: impl IntoIterator<Item = Item>, options: &ReadOptions) -> Result<Dataset> {
    let read = items.into_iter().map(|item| {
        let read = item.stated.and_then(|stated| file::read_stated(&item.path, &item.name, &stated, options));
        (item.name, read)
    });
    Dataset::gather(read, options.skip_bad).map_err(|error| error.within(dir.display()))
}

/// The recordings that a folder names, before any is read.
pub(super) struct Plan {
    pub(super) layout: Layout,
    pub(super) items: Vec<Item>,
}

/// One recording: where it lies, and what is stated about it or why it has no place here.
pub(super) struct Item {
    pub(super) path: PathBuf,
    /// The path below the folder, with `/` between parts.
    pub(super) name: String,
    pub(super) stated: Result<Stated>,
}

pub(super) fn plan(dir: &Path) -> Result<Plan> {
    let listing = dir.join("dataset.toml");
    if listing.is_file() {
        let items = listed(dir, &listing)?;
        return Ok(Plan { layout: Layout::Listed, items });
    }
    let mut found = Found::default();
    walk(dir, &[], &mut found)?;
    if found.recordings.is_empty() {
        return Err(nothing_found(dir, &found.others));
    }
    let entries: Vec<_> = found.recordings.iter().map(|(path, _)| recognised(path)).collect();
    if entries.iter().flatten().any(Option::is_some) {
        Ok(Plan { layout: Layout::Cwru, items: by_catalogue(found.recordings, entries) })
    } else {
        let items = found.recordings.into_iter().map(by_folder).collect();
        Ok(Plan { layout: Layout::Folders, items })
    }
}

/// The catalogue's entry of a recording, or why the file cannot be read.
fn recognised(path: &Path) -> Result<Option<&'static Entry>> {
    if Format::of(path) != Some(Format::Mat) {
        return Ok(None);
    }
    let file = MatFile::new(file::open(path)?)?;
    file::recognise(path, file.variables())
}

fn by_catalogue(
    recordings: Vec<(PathBuf, Vec<String>)>,
    entries: Vec<Result<Option<&'static Entry>>>,
) -> Vec<Item> {
    let known = entries.iter().flatten().flatten().count();
    let of = entries.len();
    let mut items: Vec<_> = recordings
        .into_iter()
        .zip(entries)
        .map(|((path, parts), entry)| {
            let name = parts.join("/");
            let number = entry.iter().flatten().map(|entry| entry.number).next();
            let stated = match entry {
                Ok(Some(_)) => Ok(Stated::default()),
                Ok(None) => Err(Error::input(format!(
                    "{name}: not a CWRU file, while {known} of {of} recordings in this folder are: keep them \
                     apart, or say what each one is in a dataset.toml"
                ))),
                Err(error) => Err(error.within(&name)),
            };
            (number.unwrap_or(u32::MAX), Item { path, name, stated })
        })
        .collect();
    items.sort_by_key(|(number, _)| *number); // stable: without a number they stay in the order of names
    items.into_iter().map(|(_, item)| item).collect()
}

const BLANK: &str = "its folder's name is blank, so its condition is unknown: name the folder after it";

fn by_folder((path, parts): (PathBuf, Vec<String>)) -> Item {
    let name = parts.join("/");
    let stated = match &parts[..] {
        [condition, _] => known(condition).map(|condition| (condition, None)).ok_or(BLANK),
        [condition, bearing, _] => known(condition).map(|condition| (condition, known(bearing))).ok_or(BLANK),
        [_] => Err("lies at the top, so its condition is unknown: move it into a folder named after it"),
        _ => Err("lies too deep: recordings are expected as CONDITION/FILE or CONDITION/BEARING/FILE"),
    };
    let stated = match stated {
        Ok((condition, bearing)) => {
            let condition = Some(condition);
            Ok(Stated { facts: Facts { condition, bearing, ..Facts::default() }, ..Stated::default() })
        }
        Err(reason) => Err(Error::input(format!("{name}: {reason}, or list it in a dataset.toml"))),
    };
    Item { path, name, stated }
}

/// A name as it is written, without blanks around it; nothing written means that it is unknown.
fn known(name: &str) -> Option<String> {
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// Files below a folder: recordings with the parts of their names, and others counted by extension.
#[derive(Default)]
struct Found {
    recordings: Vec<(PathBuf, Vec<String>)>,
    others: BTreeMap<String, usize>,
}

/// Collects files in the order of their names; hidden ones are passed over.
fn walk(dir: &Path, parts: &[String], found: &mut Found) -> Result<()> {
    let entries = fs::read_dir(dir).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    let mut entries = entries.map_err(|cause| Error::read(dir, &cause))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = entry.path();
        let mut parts = parts.to_vec();
        parts.push(name);
        if path.is_dir() {
            if parts.len() <= MAX_DEPTH {
                walk(&path, &parts, found)?;
            }
        } else if Format::of(&path).is_some() {
            found.recordings.push((path, parts));
        } else {
            let extension =
                path.extension().map_or_else(String::new, |e| format!(".{}", e.to_string_lossy()));
            *found.others.entry(extension).or_default() += 1;
        }
    }
    Ok(())
}

fn nothing_found(dir: &Path, others: &BTreeMap<String, usize>) -> Error {
    let others: Vec<_> = others
        .iter()
        .map(|(extension, count)| match extension.as_str() {
            "" => format!("{count} without extension"),
            _ => format!("{count} {extension}"),
        })
        .collect();
    let there =
        if others.is_empty() { "it is empty".to_owned() } else { format!("it has {}", others.join(", ")) };
    Error::input(format!(
        "{}: no .wav or .mat file in it ({there}). Expected are a folder per condition, CWRU files under their \
         numbers, or a dataset.toml",
        dir.display()
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    recording: Vec<Listed>,
}

/// A `[[recording]]` of `dataset.toml`; all but `file` and `condition` may be left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    /// Path, from the folder of `dataset.toml`.
    file: String,
    condition: String,
    /// Sampling rate in Hz.
    rate: Option<f64>,
    /// Shaft speed in rpm.
    rpm: Option<f64>,
    /// Motor load in hp.
    load: Option<f64>,
    /// Name of the physical bearing.
    bearing: Option<String>,
    /// Counted from 1.
    channel: Option<usize>,
    /// Fault diameter in inch.
    fault_size: Option<f64>,
    /// Position of an outer-race fault on the clock face.
    position: Option<String>,
    /// Variable of a MAT file.
    variable: Option<String>,
}

fn listed(dir: &Path, listing: &Path) -> Result<Vec<Item>> {
    let text = fs::read_to_string(listing).map_err(|cause| Error::read(listing, &cause))?;
    let Listing { recording: entries } = toml::from_str(&text)
        .map_err(|error| Error::input(format!("{}: {}", listing.display(), error.to_string().trim_end())))?;
    if entries.is_empty() {
        return Err(Error::input(format!("{}: lists no [[recording]]", listing.display())));
    }
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for entry in &entries {
        *uses.entry(entry.file.clone()).or_default() += 1;
    }
    let mut items: Vec<Item> = Vec::new();
    for entry in entries {
        // A file may be listed once for each of its channels or variables, which then tell the names apart.
        let mut name = entry.file.replace('\\', "/");
        if uses[&entry.file] > 1 {
            name.extend(entry.variable.iter().map(|variable| format!(" {variable}")));
            name.extend(entry.channel.iter().map(|channel| format!(" channel {channel}")));
        }
        if items.iter().any(|item| item.name == name) {
            return Err(Error::input(format!("{}: '{name}' is listed twice", listing.display())));
        }
        let path = dir.join(&entry.file);
        let stated = entry.stated().map_err(|error| error.within(format!("{name} (in dataset.toml)")));
        items.push(Item { path, name, stated });
    }
    Ok(items)
}

impl Listed {
    fn stated(self) -> Result<Stated> {
        let condition = known(&self.condition).ok_or_else(|| Error::input("condition is empty"))?;
        for (key, value) in [("rpm", self.rpm), ("load", self.load), ("fault_size", self.fault_size)] {
            if let Some(value) = value.filter(|value| !(value.is_finite() && *value >= 0.0)) {
                return Err(Error::input(format!("{key} = {value}: must be 0 or more")));
            }
        }
        Ok(Stated {
            rate: self.rate,
            channel: self.channel,
            variable: self.variable,
            facts: Facts {
                condition: Some(condition),
                bearing: self.bearing.as_deref().and_then(known),
                rpm: self.rpm,
                load: self.load,
                fault_size: self.fault_size,
                position: self.position,
                cwru: None,
                grade: None,
            },
        })
    }
}
