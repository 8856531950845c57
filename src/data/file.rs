//! One file in: which of its signals is meant, at which rate, and whether it is fit for use.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::catalogue::{self, Entry};
use super::mat::{MatFile, Variable};
use super::recording::{Facts, Recording};
use super::{MAX_SAMPLES, channel_index, wav};
use crate::error::{Error, Result};

/// Variables that one message lists.
const MAX_LISTED: usize = 20;

/// What the name of CWRU's channel at the drive end ends in.
const DRIVE_END: &str = "_DE_time";

/// How files are read; the command line's `--rate`, `--channel`, `--variable` and `--skip-bad`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReadOptions {
    /// Sampling rate in Hz of files that do not state one themselves.
    pub rate: Option<f64>,
    /// The channel of files that have several, counted from 1.
    pub channel: Option<usize>,
    /// The variable of MAT files; `DE_time`, `FE_time` or `BA_time` also stand for CWRU's `XNNN_DE_time`
    /// and so on.
    pub variable: Option<String>,
    /// Go on without recordings that cannot be used.
    pub skip_bad: bool,
}

impl ReadOptions {
    /// These, and where they are open those of `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            rate: self.rate.or(other.rate),
            channel: self.channel.or(other.channel),
            variable: self.variable.or(other.variable),
            skip_bad: self.skip_bad || other.skip_bad,
        }
    }
}

/// What is stated about a recording from outside its file: by its folder or by `dataset.toml`. Goes before
/// what the file and the catalogue say.
#[derive(Debug, Clone, Default)]
pub(super) struct Stated {
    pub(super) rate: Option<f64>,
    pub(super) channel: Option<usize>,
    pub(super) variable: Option<String>,
    pub(super) facts: Facts,
}

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// RIFF WAVE, `.wav`.
    Wav,
    /// MATLAB level 5, `.mat`.
    Mat,
}

impl Format {
    /// The format that the file's name ends in, in either case.
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?;
        if extension.eq_ignore_ascii_case("wav") {
            Some(Self::Wav)
        } else if extension.eq_ignore_ascii_case("mat") {
            Some(Self::Mat)
        } else {
            None
        }
    }
}

/// A signal as it stands in a file, before rate and fitness are looked at.
pub(super) struct Raw {
    pub(super) signal: Vec<f32>,
    /// The rate that the file itself states, in Hz.
    pub(super) rate: Option<f64>,
    /// The speed that the file itself states, in rpm.
    pub(super) rpm: Option<f64>,
    /// The variable that was read, of a MAT file.
    pub(super) variable: Option<String>,
    /// The catalogue's entry, of a CWRU file.
    pub(super) entry: Option<&'static Entry>,
}

/// Reads one WAV or MAT file. Its name is the path as given.
///
/// CWRU files are recognised by the catalogue and get its facts; otherwise condition and bearing are unknown.
///
/// # Errors
/// The file cannot be read or is neither WAV nor MAT; the choice of channel or variable is open or wrong; no
/// sampling rate is known; the signal is empty, constant, or not finite. Each names the file and the remedy.
pub fn read_file(path: &Path, options: &ReadOptions) -> Result<Recording> {
    read_stated(path, &path.display().to_string(), &Stated::default(), options)
}

/// Reads a WAV from a stream such as standard input; `name` stands for it in messages.
///
/// # Errors
/// As [`read_file`].
pub fn read_wav_from(reader: impl Read, name: &str, options: &ReadOptions) -> Result<Recording> {
    let read = || -> Result<Recording> {
        let (signal, format) = wav::read(reader, options.channel)?;
        let raw = Raw { signal, rate: Some(format.rate), rpm: None, variable: None, entry: None };
        finish(raw, name, &Stated::default(), options)
    };
    read().map_err(|error| error.within(name))
}

pub(super) fn read_stated(
    path: &Path,
    name: &str,
    stated: &Stated,
    options: &ReadOptions,
) -> Result<Recording> {
    read_raw(path, stated, options)
        .and_then(|raw| finish(raw, name, stated, options))
        .map_err(|error| error.within(name))
}

/// Reads the signal that `stated` and `options` choose. Errors do not name the file.
pub(super) fn read_raw(path: &Path, stated: &Stated, options: &ReadOptions) -> Result<Raw> {
    let channel = stated.channel.or(options.channel);
    match Format::of(path) {
        Some(Format::Wav) => {
            let (signal, format) = wav::read(open(path)?, channel)?;
            Ok(Raw { signal, rate: Some(format.rate), rpm: None, variable: None, entry: None })
        }
        Some(Format::Mat) => {
            let mut file = MatFile::new(open(path)?)?;
            let variables = file.variables().to_vec();
            let entry = recognise(path, &variables)?;
            let wanted = stated.variable.as_deref().or(options.variable.as_deref());
            let chosen = choose(&variables, wanted, entry)?;
            let signal = read_channel(&mut file, chosen, channel)?;
            let rpm = speed(&mut file, &variables, chosen)?;
            Ok(Raw { signal, rate: None, rpm, variable: Some(chosen.name.clone()), entry })
        }
        None => Err(Error::input("neither .wav nor .mat; convert the recording to one of them")),
    }
}

pub(super) fn open(path: &Path) -> Result<BufReader<File>> {
    File::open(path).map(BufReader::new).map_err(|cause| Error::input(format!("cannot be read: {cause}")))
}

/// The recording, if a rate is known and the signal is fit.
fn finish(raw: Raw, name: &str, stated: &Stated, options: &ReadOptions) -> Result<Recording> {
    check_signal(&raw.signal)?;
    let rate = rate(&raw, stated, options)?;
    let facts = facts(&raw, stated);
    Ok(Recording::new(name, raw.signal, rate, facts))
}

/// What is known: first what is stated from outside, then the file's own, then the catalogue's.
pub(super) fn facts(raw: &Raw, stated: &Stated) -> Facts {
    let stated = stated.facts.clone();
    let known = raw.entry.map(Entry::facts).unwrap_or_default();
    Facts {
        condition: stated.condition.or(known.condition),
        bearing: stated.bearing.or(known.bearing),
        rpm: stated.rpm.or(raw.rpm).or(known.rpm),
        load: stated.load.or(known.load),
        fault_size: stated.fault_size.or(known.fault_size),
        position: stated.position.or(known.position),
        cwru: known.cwru,
        grade: known.grade.filter(|_| raw.variable.as_deref().is_some_and(|name| name.ends_with(DRIVE_END))),
    }
}

/// The sampling rate in Hz. A WAV header and `dataset.toml` must not contradict each other; `dataset.toml`,
/// which speaks of this one recording, goes before the catalogue; `--rate` speaks for what states none.
pub(super) fn rate(raw: &Raw, stated: &Stated, options: &ReadOptions) -> Result<f64> {
    if let (Some(header), Some(listed)) = (raw.rate, stated.rate)
        && header != listed
    {
        return Err(Error::input(format!(
            "the WAV header says {header} Hz and dataset.toml {listed} Hz: correct one of them"
        )));
    }
    let sources = [
        ("the WAV header", raw.rate),
        ("dataset.toml", stated.rate),
        ("the CWRU catalogue", raw.entry.map(|entry| entry.rate_hz)),
        ("--rate", options.rate),
    ];
    let Some((source, rate)) = sources.iter().find_map(|&(source, rate)| Some((source, rate?))) else {
        return Err(Error::input(
            "its sampling rate is unknown, since MAT files carry none: give it in Hz by --rate, or for each \
             recording by `rate` in a dataset.toml",
        ));
    };
    if !(rate.is_finite() && rate > 0.0) {
        return Err(Error::input(format!(
            "{source} gives a sampling rate of {rate} Hz; it must be positive"
        )));
    }
    Ok(rate)
}

/// Whether a signal can be used: not empty, all finite, not constant.
pub(super) fn check_signal(signal: &[f32]) -> Result<()> {
    let Some(&first) = signal.first() else {
        return Err(Error::input("holds no sample; leave it out or record it again"));
    };
    if let Some(index) = signal.iter().position(|sample| !sample.is_finite()) {
        let bad = signal.iter().filter(|sample| !sample.is_finite()).count();
        return Err(Error::input(format!(
            "sample {index} (from 0) is {}, with {bad} of {} samples not finite: cut them out or leave the \
             recording out",
            signal[index],
            signal.len()
        )));
    }
    if signal.iter().all(|&sample| sample == first) {
        return Err(Error::input(format!(
            "the signal is constant (all {} samples are {first}): check sensor and channel, or leave the \
             recording out",
            signal.len()
        )));
    }
    Ok(())
}

/// The catalogue's entry of a MAT file: its official number together with a drive-end variable named as
/// CWRU names them, or, under any name, the published file's checksum.
pub(super) fn recognise(path: &Path, variables: &[Variable]) -> Result<Option<&'static Entry>> {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if variables.iter().any(|v| cwru_name(&v.name).is_some_and(|(_, part)| part == DRIVE_END))
        && let Some(entry) = catalogue::by_stem(stem)
    {
        return Ok(Some(entry));
    }
    Ok(published_sha256(path)?.and_then(|sha256| catalogue::by_sha256(&sha256)))
}

/// SHA-256 of a file that has the size of a published CWRU file; `None` for any other size.
pub(super) fn published_sha256(path: &Path) -> Result<Option<String>> {
    let unreadable = |cause: std::io::Error| Error::input(format!("cannot be read: {cause}"));
    let bytes = open(path)?.get_ref().metadata().map_err(unreadable)?.len();
    if !catalogue::has_size(bytes) {
        return Ok(None);
    }
    sha256(path).map(Some).map_err(unreadable)
}

/// SHA-256 of a file's bytes in lower-case hex.
pub(super) fn sha256(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hash.update(&buffer[..count]);
    }
}

/// The number and the rest of a name like `X097_DE_time` or `X097RPM`.
fn cwru_name(name: &str) -> Option<(u32, &str)> {
    let name = name.strip_prefix('X')?;
    let (digits, rest) = name.split_at(name.find(|c: char| !c.is_ascii_digit())?);
    Some((digits.parse().ok()?, rest))
}

/// Picks the variable: by name; otherwise the drive-end channel by CWRU's naming; otherwise the only numeric
/// vector longer than one sample; otherwise the only numeric matrix, whose channels `--channel` chooses from.
///
/// # Errors
/// The name is not there, or the choice is open: all variables are listed with their sizes.
pub(super) fn choose<'a>(
    variables: &'a [Variable],
    wanted: Option<&str>,
    entry: Option<&Entry>,
) -> Result<&'a Variable> {
    let listing = || {
        let names: Vec<_> = variables.iter().take(MAX_LISTED).map(ToString::to_string).collect();
        let more = variables.len() - names.len();
        names.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
    };
    if let Some(found) = wanted.and_then(|name| variables.iter().find(|v| v.name == name)) {
        return Ok(found);
    }
    let part = wanted.unwrap_or("DE_time");
    let channels: Vec<_> = variables
        .iter()
        .filter_map(|v| cwru_name(&v.name).map(|(number, rest)| (v, number, rest)))
        .filter(|(_, _, rest)| rest.strip_prefix('_') == Some(part))
        .collect();
    match channels[..] {
        [(only, ..)] => return Ok(only),
        [] => {}
        // Some published files carry a neighbour's signal as well.
        _ => {
            let own = |number: u32| entry.is_some_and(|entry| entry.number == number);
            return channels.iter().find(|(_, number, _)| own(*number)).map(|(v, ..)| *v).ok_or_else(|| {
                Error::input(format!(
                    "several variables are named {part}; choose one with --variable: {}",
                    listing()
                ))
            });
        }
    }
    if let Some(name) = wanted {
        return Err(Error::input(format!("has no variable '{name}' (--variable); it holds {}", listing())));
    }
    let extents = |v: &Variable| v.dims.iter().filter(|&&dim| dim != 1).count();
    let numeric = || variables.iter().filter(|v| v.class.is_numeric() && !v.complex && !v.is_empty());
    for wanted_extents in [1, 2] {
        let fitting: Vec<_> = numeric().filter(|v| extents(v) == wanted_extents).collect();
        match fitting[..] {
            [only] => return Ok(only),
            [] => {}
            _ => break,
        }
    }
    Err(Error::input(format!("which variable is the signal? Choose one with --variable: {}", listing())))
}

/// How many channels of how many samples a variable holds: the smaller extent counts channels.
///
/// # Errors
/// More than two extents beyond 1.
pub(super) fn shape(variable: &Variable) -> Result<(usize, usize)> {
    if variable.is_empty() {
        return Ok((1, 0));
    }
    let extents: Vec<usize> = variable.dims.iter().copied().filter(|&dim| dim != 1).collect();
    match extents[..] {
        [] => Ok((1, 1)),
        [samples] => Ok((1, samples)),
        [a, b] => Ok((a.min(b), a.max(b))),
        _ => Err(Error::input(format!(
            "variable {variable} has {} dimensions: save the signal as a vector or as samples x channels",
            extents.len()
        ))),
    }
}

fn read_channel<R: Read + std::io::Seek>(
    file: &mut MatFile<R>,
    variable: &Variable,
    channel: Option<usize>,
) -> Result<Vec<f32>> {
    let (channels, samples) = shape(variable)?;
    let within = |error: Error| error.within(format!("variable {variable}"));
    let chosen = channel_index(channel, channels).map_err(within)?;
    if samples > MAX_SAMPLES {
        return Err(Error::input(format!(
            "variable {variable} is longer than {MAX_SAMPLES} samples; split it into shorter recordings"
        )));
    }
    // Values stand column by column. Channels are the columns, unless those are the longer extent.
    let rows = variable.dims.iter().copied().find(|&dim| dim != 1).unwrap_or(1);
    let mut signal = Vec::new();
    file.each_value(variable, |index, value| {
        let of_channel = if rows == samples { index / rows } else { index % rows };
        if of_channel == chosen {
            signal.push(value as f32);
        }
    })?;
    Ok(signal)
}

/// The speed in rpm that a CWRU file carries beside the chosen signal, under the same number or as the only
/// one in the file.
fn speed<R: Read + std::io::Seek>(
    file: &mut MatFile<R>,
    variables: &[Variable],
    chosen: &Variable,
) -> Result<Option<f64>> {
    let number = |v: &Variable| cwru_name(&v.name).map(|(number, _)| number);
    let speeds: Vec<_> = variables
        .iter()
        .filter(|v| v.class.is_numeric() && !v.complex && v.len() == 1)
        .filter(|v| cwru_name(&v.name).is_some_and(|(_, rest)| rest == "RPM"))
        .collect();
    let own = speeds.iter().copied().find(|v| number(v) == number(chosen));
    let only = if let [only] = speeds[..] { Some(only) } else { None };
    let Some(variable) = own.or(only) else { return Ok(None) };
    let value = file.values(variable)?[0];
    Ok((value.is_finite() && value > 0.0).then_some(value))
}
