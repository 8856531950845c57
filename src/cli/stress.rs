//! `gpu-bearing stress`: what is left of a finished run's accuracy when recordings get worse.

use std::path::PathBuf;

use gpu_bearing::Result;
use gpu_bearing::gpu::Gpu;
use gpu_bearing::report::figures::{figures, split_words};
use gpu_bearing::report::stress::{table, write};
use gpu_bearing::train::{RunFolder, Stress, stress};
use serde::Serialize;

use super::eval;
use super::options::{Options, ReadArgs};
use super::output::{self, Screen};
use super::progress::Count;

/// Score a finished run on recordings that get worse: noise, gain, a clock that is off
///
/// The windows are those that `eval` scores. White, pink and low-pass noise is added at signal-to-noise ratios of
/// 10 to -10 dB of each recording's power; signals are multiplied by a tenth to ten; and they are resampled by up to
/// 10 %, as by a recorder whose clock is off, which moves all frequencies. A change of speed would move those of
/// shaft and fault and leave the resonances; it cannot be made of a recording, and is not among these.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The run's folder
    run: PathBuf,
    /// Folder of recordings, as `train` takes it [default: what the run was trained on]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Folder for stress.svg and stress.json [default: RUN/stress]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Seed of the noise [default: the run's]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    read: ReadArgs,
    /// GPU adapter by index or a part of its name; `gpu-bearing devices` lists them [default: the first]
    #[arg(long, value_name = "NAME|INDEX")]
    adapter: Option<String>,
    /// Print JSON, and all else to standard error
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    run: String,
    #[serde(flatten)]
    stress: &'a Stress,
}

pub(crate) fn run(args: Args) -> Result<()> {
    let folder = RunFolder::open(&args.run)?;
    let config = Options::read(&folder.config())?.validate()?;
    let (data, read) = eval::source(args.data, args.read.options(), &config);
    let seed = args.seed.unwrap_or(config.seed);
    let gpu = Gpu::open(args.adapter.as_deref())?;
    let count = Count::new("evaluations");
    let stress = stress(&gpu, &folder, &config, data.as_deref(), &read, seed, &mut |done, of| {
        count.show(done, of);
    })?;
    count.end();
    let out = args.out.unwrap_or_else(|| folder.path().join("stress"));
    write(&out, &stress)?;

    let screen = Screen { json: args.json };
    let clean = &stress.clean;
    screen.line(format!("adapter  {}", clean.adapter))?;
    for skipped in &clean.skipped {
        screen.line(format!("skipped  {skipped}"))?;
    }
    screen.line(format!("model    {} of {}", clean.model, folder.path().display()))?;
    let split = split_words(&clean.split, clean.synthetic, clean.leaky);
    screen.line(format!("clean    {} ({split})", figures(&clean.test)))?;
    for note in &clean.notes {
        screen.line(format!("note     {note}"))?;
    }
    for curve in &stress.curves {
        screen.line(format!("\n{} ({split})\n{}", curve.perturbation, table(curve)))?;
    }
    screen.line(format!("\nfiles    {0}/stress.svg, {0}/stress.json", out.display()))?;
    match args.json {
        true => output::json(&Report { run: folder.path().display().to_string(), stress: &stress }),
        false => Ok(()),
    }
}
