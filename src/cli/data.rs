//! `gpu-bearing data`: what recordings hold, and the synthetic sample.

use std::path::PathBuf;

use clap::Subcommand;
use gpu_bearing::data::info::{self, Checksum, Info, RecordingInfo};
use gpu_bearing::data::{ReadOptions, folder::Layout, synth};
use gpu_bearing::report::{Align, Table};
use gpu_bearing::shell::word;
use gpu_bearing::{Error, Result};
use serde_json::json;

use super::output;

/// Look at recordings, or write the synthetic sample
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Info(InfoArgs),
    Synth(SynthArgs),
}

/// Show what recordings hold and what is wrong with them
#[derive(Debug, clap::Args)]
struct InfoArgs {
    /// A folder of recordings, or one WAV or MAT file
    #[arg(value_name = "DIR|FILE")]
    path: PathBuf,
    /// Sampling rate of files that do not state one, in Hz [default: none]
    #[arg(long, value_name = "HZ")]
    rate: Option<f64>,
    /// Channel of files that have several, counted from 1 [default: none]
    #[arg(long, value_name = "N")]
    channel: Option<usize>,
    /// Variable of MAT files [default: CWRU's drive-end channel, or the only signal]
    #[arg(long, value_name = "NAME")]
    variable: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Write the synthetic sample: WAV files in six conditions, and their dataset.toml
#[derive(Debug, clap::Args)]
struct SynthArgs {
    /// The folder to write to: empty, or made if it is not there
    dir: PathBuf,
    /// Seed of the generator
    #[arg(long, value_name = "N", default_value_t = synth::SEED)]
    seed: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::Info(args) => show(args),
        Command::Synth(args) => synthesise(args),
    }
}

fn show(args: &InfoArgs) -> Result<()> {
    let options = ReadOptions {
        rate: args.rate,
        channel: args.channel,
        variable: args.variable.clone(),
        skip_bad: false,
    };
    let info = info::info(&args.path, &options)?;
    if args.json {
        output::json(&info)?;
    } else {
        print(&info)?;
    }
    match (info.recordings.iter().filter(|recording| !recording.problems.is_empty()).count(), info.layout) {
        (0, _) => Ok(()),
        (_, None) => Err(Error::input(format!("{}: not usable as it stands", args.path.display()))),
        (bad, Some(_)) => Err(Error::input(format!(
            "{}: something is wrong with {bad} of {} recordings",
            args.path.display(),
            info.recordings.len()
        ))),
    }
}

fn print(info: &Info) -> Result<()> {
    let layout = match info.layout {
        None => "one file",
        Some(Layout::Listed) => "listed in dataset.toml",
        Some(Layout::Cwru) => "CWRU files, described by the catalogue",
        Some(Layout::Folders) => "a folder per condition",
    };
    output::line(format!("{} ({layout})", counted(info.recordings.len(), "recording")))?;
    output::line("")?;
    output::line(table(info))?;
    for recording in &info.recordings {
        for problem in &recording.problems {
            output::line(format!("problem: {}: {problem}", recording.name))?;
        }
        for hint in &recording.hints {
            output::line(format!("hint: {}: {hint}", recording.name))?;
        }
    }
    for note in &info.notes {
        output::line(format!("note: {note}"))?;
    }
    Ok(())
}

fn table(info: &Info) -> Table {
    let mut columns = vec![
        ("file", Align::Left),
        ("condition", Align::Left),
        ("bearing", Align::Left),
        ("rate Hz", Align::Right),
        ("seconds", Align::Right),
        ("rpm", Align::Right),
        ("rms", Align::Right),
        ("contents", Align::Left),
    ];
    // Only CWRU files have anything to compare with.
    let checksums = info.recordings.iter().any(|recording| recording.checksum != Checksum::Unknown);
    if checksums {
        columns.push(("checksum", Align::Left));
    }
    let mut table = Table::new(&columns);
    for recording in &info.recordings {
        let text = |value: &Option<String>| value.clone().unwrap_or("-".into());
        let number = |value: Option<f64>, digits| value.map_or("-".into(), |v| format!("{v:.digits$}"));
        let mut cells = vec![
            recording.name.clone(),
            text(&recording.condition),
            text(&recording.bearing),
            recording.rate.map_or("-".into(), |rate| rate.to_string()),
            number(recording.seconds, 2),
            number(recording.rpm, 0),
            number(recording.rms, 3),
            contents(recording),
        ];
        if checksums {
            cells.push(checksum(recording.checksum).into());
        }
        table.row(cells);
    }
    table
}

fn checksum(checksum: Checksum) -> &'static str {
    match checksum {
        Checksum::Published => "as published",
        Checksum::Different => "not as published",
        Checksum::Unknown => "-",
    }
}

/// The signal that is read, or what there is to choose from.
fn contents(recording: &RecordingInfo) -> String {
    if let Some(variable) = &recording.variable {
        return variable.clone();
    }
    let content = |content: &info::Content| {
        let dims: Vec<String> = content.dims.iter().map(ToString::to_string).collect();
        match &content.name {
            Some(name) => format!("{name} {}", dims.join("x")),
            // A WAV's length stands in seconds; what is left to say are its channels.
            None => match content.dims.last() {
                Some(1) | None => content.class.clone(),
                Some(channels) => format!("{} x {channels} channels", content.class),
            },
        }
    };
    recording.contents.iter().map(content).collect::<Vec<_>>().join(", ")
}

fn synthesise(args: &SynthArgs) -> Result<()> {
    synth::write(&args.dir, args.seed)?;
    let files: Vec<String> = synth::plans(args.seed).into_iter().map(|plan| plan.name).collect();
    if args.json {
        return output::json(
            &json!({ "dir": args.dir, "seed": args.seed, "rate": synth::RATE, "files": files }),
        );
    }
    output::line(format!(
        "{} and dataset.toml written to {} (synthetic, {} Hz, seed {}).\nNext: {} train --data {}",
        counted(files.len(), "recording"),
        args.dir.display(),
        synth::RATE,
        args.seed,
        output::program(),
        word(&args.dir)
    ))
}

fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}
