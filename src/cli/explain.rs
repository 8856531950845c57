//! `gpu-bearing explain`: which samples of a recording decided what it was taken for.

use std::path::PathBuf;

use gpu_bearing::Result;
use gpu_bearing::data::Dataset;
use gpu_bearing::gpu::Gpu;
use gpu_bearing::physics::envelope::Spectrum;
use gpu_bearing::physics::evidence::{HARMONICS, SLIP};
use gpu_bearing::physics::{Bearing, Fault};
use gpu_bearing::report::attribution::write;
use gpu_bearing::report::figures::percent;
use gpu_bearing::train::attribution::{Attribution, STEPS, most_decisive};
use gpu_bearing::train::explanation::{Explanation, explain};
use gpu_bearing::train::material::at_rate;
use gpu_bearing::train::rhythm::Rhythm;
use gpu_bearing::train::{kept_model, predict};
use serde::Serialize;

use super::machine::MachineArgs;
use super::options::{ReadArgs, bounded};
use super::output::{self, Screen};
use super::predict::read;

/// Draw which samples of a recording decided what a trained model takes it for
///
/// Integrated gradients (Sundararajan et al. 2017) of the logit margin: how far the class that a window is taken for
/// leads over the next one, and what each sample adds to that lead. The spectrum below shows how often such samples
/// come back, in 16 to 32 windows around, beside the signal's own and the fault frequencies where bearing and speed are
/// known. What repeats from window to window is taken off both.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The run's folder, or a .safetensors file that gpu-bearing has saved
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// A recording, .wav or .mat; - reads a WAV from standard input
    file: PathBuf,
    /// Window of the recording, counted from 1 as they lie one behind the other [default: the most decisive one]
    #[arg(long, value_name = "N")]
    window: Option<usize>,
    /// Steps from a constant signal to the window: with more, what samples add sums up more exactly
    #[arg(long, value_name = "N", default_value_t = STEPS)]
    steps: usize,
    /// The drawing [default: named after the recording and the window, in the folder you are in]
    #[arg(long, value_name = "FILE.svg")]
    out: Option<PathBuf>,
    #[command(flatten)]
    machine: MachineArgs,
    #[command(flatten)]
    read: ReadArgs,
    /// GPU adapter by index or a part of its name; `gpu-bearing devices` lists them [default: the first]
    #[arg(long, value_name = "NAME|INDEX")]
    adapter: Option<String>,
    /// Print JSON with every sample's attribution, and all else to standard error
    #[arg(long)]
    json: bool,
}

/// Share of the margin by which attributions may miss it without a word.
const INCOMPLETE: f64 = 0.05;

/// Steps within reason: each takes a window of device memory.
const MOST_STEPS: usize = 100_000;

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    adapter: String,
    model: &'a str,
    recording: &'a str,
    /// What the whole recording is taken for.
    condition: &'a str,
    /// Hz.
    rate: f64,
    /// What is explained.
    target: &'static str,
    steps: usize,
    #[serde(flatten)]
    explanation: &'a Explanation,
}

pub(crate) fn run(args: Args) -> Result<()> {
    bounded("--steps", args.steps, 1, MOST_STEPS)?;
    let machine = args.machine.check()?;
    let checkpoint = kept_model(&args.run)?;
    let options = args.read.options();
    let recording = (args.file.display().to_string(), read(&args.file, &options));
    let dataset = Dataset::gather(std::iter::once(recording), options.skip_bad)?;
    let dataset = at_rate(dataset, checkpoint.rate, checkpoint.model.window, options.skip_bad)?;
    let recording = &dataset.recordings[0];
    let machine = machine.if_known(recording)?;

    let gpu = Gpu::open(args.adapter.as_deref())?;
    let prediction = predict(&gpu, &checkpoint, &dataset.recordings, None)?.remove(0);
    let number = args.window.unwrap_or_else(|| most_decisive(&prediction) + 1);
    let explanation = explain(&gpu, &checkpoint, recording, &prediction, number, args.steps)?;
    let out = args.out.unwrap_or_else(|| {
        let stem = args.file.file_stem().filter(|stem| *stem != "-").unwrap_or("recording".as_ref());
        PathBuf::from(format!("{}-window-{number}.svg", stem.display()))
    });
    let Explanation { windows, attribution, .. } = &explanation;
    write(&out, &explanation, recording, machine.as_ref())?;

    let screen = Screen { json: args.json };
    let Attribution { margin, baseline_margin, seconds, .. } = attribution;
    screen.line(format!("adapter  {}", gpu.info))?;
    screen.line(format!(
        "window   {} of {windows} of {}, from {seconds:.3} s on; the recording is taken for {}",
        number, recording.name, prediction.nearest
    ))?;
    screen.line(format!(
        "margin   {} over {} by {margin:.3} (logits); {baseline_margin:.3} for a constant signal",
        attribution.class, attribution.rival
    ))?;
    let sum: f64 = attribution.attributions.iter().map(|a| f64::from(*a)).sum();
    screen.line(format!(
        "samples  add {sum:.3} of {:.3} in {} steps; half of all attribution lies in {} of them",
        margin - baseline_margin,
        args.steps,
        percent(attribution.half())
    ))?;
    if (sum - (margin - baseline_margin)).abs() > INCOMPLETE * (margin - baseline_margin).abs() {
        screen.line("note     what samples add does not sum up to the margin: take more --steps")?;
    }
    if let Some(Rhythm { windows, seconds, attribution, signal, .. }) = &explanation.rhythm {
        let [decisive, all] = [attribution, signal].map(|spectrum| line(spectrum, machine.as_ref()));
        screen.line(format!(
            "rhythm   in {windows} windows ({seconds:.2} s) the attribution swings {decisive}, the signal {all}"
        ))?;
    }
    screen.line(format!("drawing  {}", out.display()))?;
    if !args.json {
        return Ok(());
    }
    output::json(&Report {
        adapter: gpu.info.to_string(),
        model: &checkpoint.model.name,
        recording: &recording.name,
        condition: &prediction.nearest,
        rate: recording.rate,
        target: "logit of `class` less that of `rival`, integrated gradients from a constant signal",
        steps: args.steps,
        explanation: &explanation,
    })
}

/// The strongest line of a spectrum in words, with the fault frequency that it may be.
fn line(spectrum: &Spectrum, machine: Option<&(Bearing, f64)>) -> String {
    let Some((hz, height)) = spectrum.strongest() else {
        return "at no frequency more than at others".to_owned();
    };
    let near = machine.and_then(|machine| near(hz, spectrum.step_hz, machine)).unwrap_or_default();
    format!("by {height:.2} of its mean at {hz:.1} Hz{near}")
}

/// Which multiple of a fault frequency lies within its slip of `hz`, the nearest one; none where lines `step_hz` apart
/// cannot tell.
fn near(hz: f64, step_hz: f64, (bearing, rpm): &(Bearing, f64)) -> Option<String> {
    let lines = Fault::ALL.into_iter().flat_map(|fault| {
        let first = bearing.order(fault) * rpm / 60.0;
        (1..=HARMONICS).map(move |harmonic| (fault, harmonic, (hz / (harmonic as f64 * first) - 1.0).abs()))
    });
    let (fault, harmonic, off) = lines.min_by(|a, b| a.2.total_cmp(&b.2))?;
    (off <= SLIP && step_hz <= SLIP * hz).then(|| format!(" ({harmonic}x {})", fault.symbol()))
}
