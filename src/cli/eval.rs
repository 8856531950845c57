//! `gpu-bearing eval`: a finished run scored on recordings.

use std::path::{Path, PathBuf};

use gpu_bearing::Result;
use gpu_bearing::data::ReadOptions;
use gpu_bearing::gpu::Gpu;
use gpu_bearing::report::conclusion;
use gpu_bearing::report::figures::{confusion, figures, split_words};
use gpu_bearing::train::{Config, Evaluation, RunFolder, evaluate};
use serde::Serialize;

use super::options::{Options, ReadArgs, share};
use super::output;

/// Score a finished run on recordings, without the windows that it has learned from
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The run's folder
    run: PathBuf,
    /// Folder of recordings, as `train` takes it [default: what the run was trained on]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Score all windows, those trained on as well; the result is then leaky [default: leave them out]
    #[arg(long)]
    all: bool,
    /// Share of known recordings that may be turned away as unknown, as in 1% or 0.01 [default: the run's, 5%]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    reject: Option<f64>,
    #[command(flatten)]
    read: ReadArgs,
    /// GPU adapter by index or a part of its name; `gpu-bearing devices` lists them [default: the first]
    #[arg(long, value_name = "NAME|INDEX")]
    adapter: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    run: String,
    #[serde(flatten)]
    evaluation: &'a Evaluation,
}

pub(crate) fn run(args: Args) -> Result<()> {
    let folder = RunFolder::open(&args.run)?;
    let config = Options::read(&folder.config())?.validate()?;
    let (data, read) = source(args.data, args.read.options(), &config);
    let gpu = Gpu::open(args.adapter.as_deref())?;
    let evaluation = evaluate(&gpu, &folder, &config, data.as_deref(), &read, args.all, args.reject)?;
    if args.json {
        return output::json(&Report { run: folder.path().display().to_string(), evaluation: &evaluation });
    }
    output::line(format!("adapter  {}", evaluation.adapter))?;
    for skipped in &evaluation.skipped {
        output::line(format!("skipped  {skipped}"))?;
    }
    output::line(format!("model    {} of {}", evaluation.model, folder.path().display()))?;
    output::line(format!(
        "windows  {} of {} recordings scored; {} left out, since the run has learned from them or they lie beside such",
        evaluation.test.windows, evaluation.recordings, evaluation.left_out
    ))?;
    let split = split_words(&evaluation.split, evaluation.synthetic, evaluation.leaky);
    output::line(format!("test     {} ({split})", figures(&evaluation.test)))?;
    for line in conclusion::lines(&evaluation.scores, evaluation.calibration.as_ref(), &split) {
        output::line(line)?;
    }
    if let Some(rejection) = &evaluation.rejection {
        output::line(conclusion::turned_away(rejection, &evaluation.unknown, &split))?;
    }
    for note in &evaluation.notes {
        output::line(format!("note     {note}"))?;
    }
    output::line(format!("\n{}", confusion(&evaluation.classes, &evaluation.confusion)))
}

/// The folder of the recordings to score a run on, if not the embedded sample, and how they are read.
pub(super) fn source(
    data: Option<PathBuf>,
    read: ReadOptions,
    config: &Config,
) -> (Option<PathBuf>, ReadOptions) {
    let data = data.map(|data| std::path::absolute(&data).unwrap_or(data)).or(config.data.clone());
    if !same_folder(data.as_deref(), config.data.as_deref()) {
        return (data, read);
    }
    // The run's own recordings are read as they were for training.
    (data, read.or(config.read_options()))
}

/// Whether both are one folder, under whatever path, or both the embedded sample.
fn same_folder(a: Option<&Path>, b: Option<&Path>) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    a.map(real) == b.map(real)
}
