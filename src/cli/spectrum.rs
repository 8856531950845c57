//! `gpu-bearing spectrum`: which fault frequencies a recording shows.

use std::path::{Path, PathBuf};

use gpu_bearing::Result;
use gpu_bearing::data::{Recording, read_file, read_wav_from};
use gpu_bearing::physics::{Bearing, Evidence, diagnose};
use gpu_bearing::report::{Align, Table, spectrum};
use serde::Serialize;

use super::machine::MachineArgs;
use super::options::ReadArgs;
use super::output;

/// Show which fault frequencies of a bearing stand out in a recording's envelope spectrum; no model is needed
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Recording, .wav or .mat; - reads a WAV from standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    machine: MachineArgs,
    #[command(flatten)]
    read: ReadArgs,
    /// Draw the waveform and the envelope spectrum with the fault frequencies into a file [default: none]
    #[arg(long, value_name = "OUT.svg")]
    svg: Option<PathBuf>,
    /// Print JSON, with the envelope spectrum
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    recording: &'a str,
    /// Hz.
    rate: f64,
    rpm: f64,
    bearing: &'a Bearing,
    #[serde(flatten)]
    evidence: &'a Evidence,
}

pub(crate) fn run(args: Args) -> Result<()> {
    let options = args.read.options();
    let recording = if args.file == Path::new("-") {
        read_wav_from(std::io::stdin().lock(), "standard input", &options)?
    } else {
        read_file(&args.file, &options)?
    };
    let (bearing, rpm) = args.machine.check()?.of(&recording)?;
    let evidence = diagnose(&recording.signal, recording.rate, rpm, &bearing)
        .map_err(|error| error.within(&recording.name))?;
    if let Some(svg) = &args.svg {
        spectrum::write(svg, &recording, rpm, &bearing, &evidence)?;
    }
    if args.json {
        let Recording { name, rate, .. } = &recording;
        return output::json(&Report {
            recording: name,
            rate: *rate,
            rpm,
            bearing: &bearing,
            evidence: &evidence,
        });
    }
    output::line(format!("{}: {} Hz, {rpm} rpm, bearing {}", recording.name, recording.rate, bearing.name))?;
    let band = evidence.band;
    output::line(format!(
        "band     {:.0} to {:.0} Hz, where the envelope is the most impulsive (kurtosis {:.1})",
        band.low_hz, band.high_hz, evidence.kurtosis
    ))?;
    output::line(format!("\n{}\n", table(&evidence, &bearing)))?;
    output::line(format!("verdict  {}", spectrum::verdict(&evidence)))?;
    if let Some(svg) = &args.svg {
        output::line(format!("drawing  {}", svg.display()))?;
    }
    Ok(())
}

fn table(evidence: &Evidence, bearing: &Bearing) -> Table {
    let mut table = Table::new(&[
        ("fault", Align::Left),
        ("frequency", Align::Left),
        ("x shaft", Align::Right),
        ("Hz", Align::Right),
        ("score", Align::Right),
        ("found at", Align::Right),
        ("lines found", Align::Left),
    ]);
    for fault in &evidence.faults {
        let found: Vec<String> =
            fault.lines.iter().filter(|line| line.found).map(|line| format!("{}x", line.harmonic)).collect();
        let shown = fault.score >= evidence.threshold;
        table.row([
            fault.fault.to_string(),
            fault.fault.symbol().to_owned(),
            format!("{:.4}", bearing.order(fault.fault)),
            format!("{:.2}", fault.frequency_hz),
            format!("{:.1}", fault.score),
            if shown { format!("{:+.2} %", 100.0 * fault.slip) } else { "-".to_owned() },
            if found.is_empty() { "-".to_owned() } else { found.join(" ") },
        ]);
    }
    table
}
