//! `gpu-bearing data audit`: what is wrong with recordings, and with a split of them.

use std::path::{Path, PathBuf};

use gpu_bearing::data::ReadOptions;
use gpu_bearing::data::audit::{Audit, SavedSplit, Severity, audit};
use gpu_bearing::data::split_record::{self, SplitRecord};
use gpu_bearing::report::{Align, Table};
use gpu_bearing::train::RunFolder;
use gpu_bearing::{Error, Result};

use super::{counted, layout};
use crate::cli::options::{MOST_SAMPLES, Options, SignalArgs, bounded};
use crate::cli::output;

/// Recordings that a row of the table names; --json has all.
const MAX_NAMED: usize = 4;

/// Find what makes recordings, or a split of them, give wrong figures
///
/// Looked for are unusable, clipped and nearly silent recordings; signals that occur twice, also as a stretch of
/// another recording, shifted, multiplied or resampled; sampling rates that differ, contradict the CWRU catalogue or do
/// not fit the spectrum; labels and checksums that contradict the catalogue; unequal classes, and classes with fewer
/// than three known bearings. With --split also bearings, recordings, copies and windows that stand both in the part
/// that trained or validated and in the one that tests.
///
/// The exit code is 1 where a finding is an error, 0 where none is, and 2 where the folder cannot be looked at.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of recordings, as `train` takes it
    #[arg(value_name = "DIR")]
    path: PathBuf,
    /// A finished or begun run's folder, or its split.csv: look at that split as well [default: none]
    #[arg(long, value_name = "RUN|FILE")]
    split: Option<PathBuf>,
    /// Window of the split, in samples [default: the run's]
    #[arg(long, value_name = "SAMPLES", requires = "split")]
    window: Option<usize>,
    #[command(flatten)]
    signal: SignalArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if let Some(window) = args.window {
        bounded("--window", window, 1, MOST_SAMPLES)?;
    }
    let saved = args.split.as_deref().map(Saved::read).transpose()?;
    let own = saved.as_ref().map(|saved| saved.read.clone()).unwrap_or_default();
    // What cannot be used is a finding.
    let options = ReadOptions { skip_bad: false, ..args.signal.clone().options().or(own) };
    let split = saved
        .as_ref()
        .map(|saved| SavedSplit { records: &saved.records, window: args.window.or(saved.window) });
    let audit = audit(&args.path, &options, split)?;
    if args.json {
        output::json(&audit)?;
    } else {
        print(&audit)?;
    }
    match audit.count(Severity::Error) {
        0 => Ok(()),
        errors => Err(Error::failed(format!(
            "{}: the audit has {} among {}",
            args.path.display(),
            counted(errors, "error"),
            counted(audit.findings.len(), "finding")
        ))),
    }
}

/// A split that was given, and what its run says of it.
struct Saved {
    records: Vec<SplitRecord>,
    window: Option<usize>,
    read: ReadOptions,
}

impl Saved {
    fn read(path: &Path) -> Result<Self> {
        if !path.is_dir() {
            let records = split_record::read(path)?;
            return Ok(Self { records, window: None, read: ReadOptions::default() });
        }
        let folder = RunFolder::open(path)?;
        let config = Options::read(&folder.config())?.validate()?;
        Ok(Self { records: folder.read_split()?, window: config.window, read: config.read_options() })
    }
}

fn print(audit: &Audit) -> Result<()> {
    output::line(format!("{} ({})", counted(audit.recordings, "recording"), layout(audit.layout)))?;
    if audit.findings.is_empty() {
        return output::line("nothing found");
    }
    output::line("")?;
    output::line(table(audit))?;
    let counts = [Severity::Error, Severity::Warning, Severity::Note]
        .map(|severity| counted(audit.count(severity), &severity.to_string()));
    output::line(format!("\n{}", counts.join(", ")))
}

fn table(audit: &Audit) -> Table {
    let columns = ["severity", "finding", "recordings", "remedy"].map(|heading| (heading, Align::Left));
    let mut table = Table::new(&columns);
    for finding in &audit.findings {
        let mut names = finding.recordings.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", ");
        if finding.recordings.len() > MAX_NAMED {
            names += &format!(" and {} more", finding.recordings.len() - MAX_NAMED);
        }
        table.row([finding.severity.to_string(), finding.finding.clone(), names, finding.remedy.clone()]);
    }
    table
}
