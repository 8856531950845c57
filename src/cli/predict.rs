//! `gpu-bearing predict`: what a model takes recordings for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gpu_bearing::data::{Dataset, ReadOptions, Recording, read_file, read_wav_from};
use gpu_bearing::gpu::Gpu;
use gpu_bearing::nn::Checkpoint;
use gpu_bearing::physics::{Bearing, Evidence, Fault, diagnose};
use gpu_bearing::report::figures::percent;
use gpu_bearing::report::scores::unresolved;
use gpu_bearing::report::spectrum;
use gpu_bearing::shell::word;
use gpu_bearing::train::material::at_rate;
use gpu_bearing::train::{Prediction, disagree, kept_model, least_familiar, predict};
use gpu_bearing::{Error, Result};
use serde::Serialize;

use super::machine::{Machine, MachineArgs};
use super::options::{ReadArgs, share};
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
    /// Say unknown where a recording is less familiar than nearly all that the run was validated on; the share of
    /// known ones that may be turned away, as in 1% or 0.01 [default: always name a condition]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    reject: Option<f64>,
    #[command(flatten)]
    machine: MachineArgs,
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
    /// What the scores were divided by; null where no temperature was fitted.
    temperature: Option<f64>,
    /// Null where every recording gets a condition.
    reject: Option<Reject>,
    skipped: Vec<String>,
    recordings: Vec<Answer>,
}

/// What is turned away.
#[derive(Debug, Serialize)]
struct Reject {
    /// Of known recordings, 0 to 1.
    share: f64,
    /// What is less familiar is unknown.
    threshold: f64,
    /// Recordings that the threshold was chosen on.
    validation_recordings: usize,
}

/// What a recording is taken for, and what its envelope spectrum says.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    prediction: Prediction,
    /// Null where bearing or speed is not known, or the signal does not allow it.
    physics: Option<Physics>,
}

/// What the envelope spectrum of the recording, at its own rate, says.
#[derive(Serialize)]
struct Physics {
    bearing: String,
    rpm: f64,
    /// Null where no fault stands out.
    verdict: Option<Fault>,
    /// The highest of any fault.
    score: f64,
    /// Whether that contradicts the network's condition.
    disagrees: bool,
    #[serde(skip)]
    words: String,
}

pub(crate) fn run(args: Args) -> Result<()> {
    let machine = args.machine.check()?;
    let checkpoint = kept_model(&args.run)?;
    let reject = args.reject.map(|share| rejection(&checkpoint, share)).transpose();
    let reject = reject.map_err(|error| error.within(args.run.display()))?;
    let options = args.read.options();
    let read = args.files.iter().map(|file| (file.display().to_string(), read(file, &options)));
    let dataset = Dataset::gather(read, options.skip_bad)?;
    // Before recordings lose what lies above the model's rate.
    let (evidence, notes) = evidence(&machine, &dataset.recordings)?;
    let dataset = at_rate(dataset, checkpoint.rate, checkpoint.model.window, options.skip_bad)?;

    let gpu = Gpu::open(args.adapter.as_deref())?;
    let least = reject.as_ref().map(|reject| reject.threshold);
    let predictions = predict(&gpu, &checkpoint, &dataset.recordings, least)?;
    let answer = |(prediction, recording): (Prediction, &Recording)| {
        let physics = evidence.get(&recording.sha256).map(|seen| seen.beside(&prediction));
        Answer { prediction, physics }
    };
    let answers: Vec<Answer> = predictions.into_iter().zip(&dataset.recordings).map(answer).collect();
    let skipped: Vec<String> = dataset.skipped.into_iter().map(|(_, error)| error.to_string()).collect();
    let calibrated = checkpoint.temperature.is_some();
    if args.json {
        return output::json(&Report {
            adapter: gpu.info.to_string(),
            model: &checkpoint.model.name,
            classes: &checkpoint.classes,
            rate: checkpoint.rate,
            window: checkpoint.model.window,
            confidence: if calibrated {
                "softmax, calibrated on validation windows"
            } else {
                "softmax, not calibrated"
            },
            temperature: checkpoint.temperature,
            reject,
            skipped,
            recordings: answers,
        });
    }
    output::note(format!("adapter  {}", gpu.info));
    if checkpoint.rate.is_none() {
        output::note(AS_THEY_ARE);
    }
    for note in notes {
        output::note(format!("note     {note}"));
    }
    if let Some(Reject { share, validation_recordings, .. }) = reject
        && let Some(why) = unresolved(validation_recordings as u64, share)
    {
        output::note(format!("note     --reject: {why}"));
    }
    for skipped in skipped {
        output::note(format!("skipped  {skipped}"));
    }
    for answer in &answers {
        output::line(in_words(answer, calibrated, least))?;
    }
    Ok(())
}

/// What `--reject` comes to for this model.
fn rejection(checkpoint: &Checkpoint, share: f64) -> Result<Reject> {
    let threshold = least_familiar(checkpoint, share)?;
    Ok(Reject { share, threshold, validation_recordings: checkpoint.familiarity.len() })
}

/// What a recording shows of the bearing that it is of.
struct Seen {
    bearing: Bearing,
    rpm: f64,
    evidence: Evidence,
}

impl Seen {
    fn beside(&self, prediction: &Prediction) -> Physics {
        let Evidence { verdict, faults, .. } = &self.evidence;
        Physics {
            bearing: self.bearing.name.clone(),
            rpm: self.rpm,
            verdict: *verdict,
            score: faults.iter().map(|fault| fault.score).fold(0.0, f64::max),
            disagrees: prediction.condition.as_ref().is_some_and(|condition| disagree(condition, *verdict)),
            words: spectrum::verdict(&self.evidence),
        }
    }
}

/// What recordings show, by their SHA-256, where bearing and speed are known; and why it is nothing where a signal does not
/// allow it.
fn evidence(machine: &Machine, recordings: &[Recording]) -> Result<(BTreeMap<String, Seen>, Vec<String>)> {
    let (mut found, mut notes) = (BTreeMap::new(), Vec::new());
    for recording in recordings {
        let Some((bearing, rpm)) = machine.if_known(recording)? else { continue };
        match diagnose(&recording.signal, recording.rate, rpm, &bearing) {
            Ok(evidence) => {
                found.insert(recording.sha256.clone(), Seen { bearing, rpm, evidence });
            }
            Err(error) => notes.push(format!("{}: no physics: {error}", recording.name)),
        }
    }
    Ok((found, notes))
}

/// An answer on a line.
fn in_words(answer: &Answer, calibrated: bool, least: Option<f64>) -> String {
    let Answer { prediction, physics } = answer;
    let Prediction { recording, condition, nearest, confidence, share, familiarity, windows } = prediction;
    let windows = format!("{} of {} windows", percent(*share), windows.len());
    let mut words = match (condition, least) {
        (None, Some(least)) => format!(
            "{recording}: unknown (familiarity {familiarity:.2} below {least:.2}; nearest: {nearest}, {windows})"
        ),
        _ => format!(
            "{recording}: {nearest} (confidence {confidence:.2}, {}; {windows})",
            if calibrated { "calibrated" } else { "not calibrated" }
        ),
    };
    if let Some(physics) = physics {
        words += &format!("; physics: {}", physics.words);
        if physics.disagrees {
            words += "; network and physics disagree";
        }
    }
    words
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
