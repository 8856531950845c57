//! `gpu-bearing data fetch`: published recordings from their publisher.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use clap::{ValueEnum, value_parser};
use gpu_bearing::Result;
use gpu_bearing::data::fetch::{self, Event, Outcome, Published, Source, all_there, choose};
use gpu_bearing::shell::word;
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::json;

use super::counted;
use crate::cli::output::{self, Screen};
use crate::cli::progress::bar;

/// Fetch published recordings, each checked by size and SHA-256
///
/// What is there already is not fetched again, and what broke off goes on where it stands (Ctrl-C included), when the
/// same command is given again. A proxy is taken from HTTPS_PROXY.
///
/// The files come from the university that recorded them, for your own use. It states no licence: do not pass them on.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The data set: cwru, the bearing recordings of Case Western Reserve University (161 files, 0.7 GB)
    set: Set,
    /// The folder to write to; it is made where it is missing
    #[arg(long, value_name = "DIR", default_value = "cwru")]
    out: PathBuf,
    /// Only these: CWRU numbers, or paper, normal, drive-end-12k, drive-end-48k, fan-end-12k, with commas between them
    /// [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,
    /// Fetch from URL/NUMBER.mat
    #[arg(long, value_name = "URL", default_value = fetch::CWRU)]
    mirror: String,
    /// Files to fetch at the same time, 16 at most
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = value_parser!(u16).range(1..=16))]
    parallel: u16,
    /// Seconds that the server may send nothing
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = value_parser!(u16).range(1..))]
    timeout: u16,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The data sets whose files are known.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Set {
    Cwru,
}

/// What `--json` prints of a file.
#[derive(Serialize)]
struct Fetched<'a> {
    file: &'a str,
    bytes: u64,
    #[serde(flatten)]
    outcome: &'a Outcome,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let Set::Cwru = args.set;
    let files: Vec<Published> = choose(&args.only)?.into_iter().map(Published::from).collect();
    let source = Source {
        parallel: usize::from(args.parallel),
        read_timeout: Duration::from_secs(args.timeout.into()),
        ..Source::new(&args.mirror)?
    };
    let screen = Screen { json: args.json };
    let bytes: u64 = files.iter().map(|file| file.bytes).sum();
    screen.line(format!(
        "{} ({}) from {} into {}",
        counted(files.len(), "file"),
        size(bytes),
        source.address,
        args.out.display()
    ))?;
    let progress = Progress::new(&files, bytes, screen);
    let outcomes = fetch::fetch(&files, &source, &args.out, &|index, event| progress.tell(index, event))?;
    progress.bar.finish_and_clear();
    if args.json {
        let fetched = |(file, outcome): (_, _)| {
            let file: &Published = file;
            Fetched { file: &file.name, bytes: file.bytes, outcome }
        };
        let fetched: Vec<_> = files.iter().zip(&outcomes).map(fetched).collect();
        output::json(&json!({ "out": args.out, "files": fetched }))?;
    }
    all_there(&files, &outcomes, &args.out)?;
    screen.line(next(&args.out))
}

fn next(out: &Path) -> String {
    format!("all there. Next: {} data audit {}", output::program(), word(out))
}

/// A bar over all files where a person looks on, and a line a file everywhere.
struct Progress<'a> {
    bar: ProgressBar,
    files: &'a [Published],
    screen: Screen,
    /// Bytes of each file that are here.
    stand: Mutex<Vec<u64>>,
}

impl<'a> Progress<'a> {
    fn new(files: &'a [Published], bytes: u64, screen: Screen) -> Self {
        let bar = bar("[{bar:20}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left");
        bar.set_length(bytes);
        Self { bar, files, screen, stand: Mutex::new(vec![0; files.len()]) }
    }

    fn tell(&self, index: usize, event: Event<'_>) {
        let file = &self.files[index];
        let text = match event {
            Event::Stands(bytes) => {
                let mut stand = self.stand.lock().expect("nobody panics with the lock held");
                stand[index] = bytes;
                self.bar.set_position(stand.iter().sum());
                return;
            }
            Event::Pauses(reason, pause) => format!("{reason}; again in {:.0} s", pause.as_secs_f64()),
            Event::Ends(Outcome::Present) => "there already".into(),
            Event::Ends(Outcome::Fetched) => format!("fetched, {}", size(file.bytes)),
            Event::Ends(Outcome::Failed(reason)) => format!("failed: {reason}"),
        };
        // A closed standard output ends the lines, not the transfers.
        let _ = self.bar.suspend(|| self.screen.line(format!("{:<9} {text}", file.name)));
    }
}

/// `bytes` in megabytes.
fn size(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
