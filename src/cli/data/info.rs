//! `gpu-bearing data info`: what recordings hold.

use std::path::PathBuf;

use gpu_bearing::data::info::{self, Checksum, Info, RecordingInfo};
use gpu_bearing::report::{Align, Table};
use gpu_bearing::{Error, Result};

use super::{counted, layout};
use crate::cli::options::SignalArgs;
use crate::cli::output;

/// Show what recordings hold and what is wrong with them
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A folder of recordings, or one WAV or MAT file
    #[arg(value_name = "DIR|FILE")]
    path: PathBuf,
    #[command(flatten)]
    signal: SignalArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let options = args.signal.clone().options();
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
    let layout = info.layout.map_or("one file", layout);
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
