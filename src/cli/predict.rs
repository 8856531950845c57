//! `gpu-bearing predict`: what a model takes recordings for.

use std::path::{Path, PathBuf};

use gpu_bearing::data::{Dataset, ReadOptions, Recording, read_file, read_wav_from};
use gpu_bearing::gpu::Gpu;
use gpu_bearing::report::figures::percent;
use gpu_bearing::shell::word;
use gpu_bearing::train::material::at_rate;
use gpu_bearing::train::{Prediction, kept_model, predict};
use gpu_bearing::{Error, Result};
use serde::Serialize;

use super::options::ReadArgs;
use super::output;

/// Say what condition recordings show, by a trained model
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The run's folder, or a .safetensors file that gpu-bearing has saved
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Recordings, .wav or .mat; - reads a WAV from standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    read: ReadArgs,
    /// GPU adapter by index or a part of its name; `gpu-bearing devices` lists them [default: the first]
    #[arg(long, value_name = "NAME|INDEX")]
    adapter: Option<String>,
    /// Print JSON, with every window
    #[arg(long)]
    json: bool,
}

/// Of a model that the paper's protocol has trained.
const AS_THEY_ARE: &str =
    "note     the model was trained on recordings as they are, at different rates: none is resampled";

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    adapter: String,
    model: &'a str,
    classes: &'a [String],
    /// Hz that recordings were resampled to; null where the model takes them as they are.
    rate: Option<f64>,
    /// Samples.
    window: usize,
    /// What the confidences are.
    confidence: &'static str,
    skipped: Vec<String>,
    recordings: Vec<Prediction>,
}

pub(crate) fn run(args: Args) -> Result<()> {
    let checkpoint = kept_model(&args.run)?;
    let options = args.read.options();
    let read = args.files.iter().map(|file| (file.display().to_string(), read(file, &options)));
    let dataset = Dataset::gather(read, options.skip_bad)?;
    let dataset = at_rate(dataset, checkpoint.rate, checkpoint.model.window, options.skip_bad)?;

    let gpu = Gpu::open(args.adapter.as_deref())?;
    let predictions = predict(&gpu, &checkpoint, &dataset.recordings)?;
    let skipped: Vec<String> = dataset.skipped.into_iter().map(|(_, error)| error.to_string()).collect();
    if args.json {
        return output::json(&Report {
            adapter: gpu.info.to_string(),
            model: &checkpoint.model.name,
            classes: &checkpoint.classes,
            rate: checkpoint.rate,
            window: checkpoint.model.window,
            confidence: "softmax, not calibrated",
            skipped,
            recordings: predictions,
        });
    }
    output::note(format!("adapter  {}", gpu.info));
    if checkpoint.rate.is_none() {
        output::note(AS_THEY_ARE);
    }
    for skipped in skipped {
        output::note(format!("skipped  {skipped}"));
    }
    for prediction in predictions {
        output::line(format!(
            "{}: {} (softmax confidence {:.2}, not calibrated; {} of {} windows)",
            prediction.recording,
            prediction.condition,
            prediction.confidence,
            percent(prediction.share),
            prediction.windows.len()
        ))?;
    }
    Ok(())
}

/// The recording in a file, or in a WAV on standard input.
pub(super) fn read(file: &Path, options: &ReadOptions) -> Result<Recording> {
    if file == Path::new("-") {
        return read_wav_from(std::io::stdin().lock(), "standard input", options);
    }
    if file.is_dir() {
        return Err(Error::input(format!(
            "{}: is a folder: name its files, or score it with {} eval RUN --data {}",
            file.display(),
            output::program(),
            word(file)
        )));
    }
    read_file(file, options)
}
