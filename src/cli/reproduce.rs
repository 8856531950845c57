//! `gpu-bearing reproduce`: the paper's experiments by one command.

use std::path::{Path, PathBuf};

use gpu_bearing::Result;
use gpu_bearing::gpu::Gpu;
use gpu_bearing::report::figures::percent;
use gpu_bearing::report::reproduction::split;
use gpu_bearing::report::{folder, reproduction as pages};
use gpu_bearing::train::Protocol;
use gpu_bearing::train::reproduce::{self, Epochs, Experiment, Extent, Reproduction, RunResult};

use super::options::{Options, absolute, refuse_non_utf8};
use super::output::{self, Screen};
use super::trainings::{self, Jobs};

/// Run the experiments of the paper behind the model cnn-lstm and set the figures beside the paper's
///
/// Cao and Ye, "Application of Improved CNN-LSTM Model in Fault Diagnosis of Rolling Bearings". Each training is a run in a
/// folder of its own, which `eval`, `predict` and `report` take. Interrupted, the same command goes on where it was.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Experiments to run: ten-runs, dropout, models, transfer, diagnosis; the page also shows those that were run
    /// before [default: all]
    #[arg(value_name = "EXPERIMENT", value_parser = experiment)]
    experiments: Vec<Experiment>,
    /// Folder of the CWRU recordings [default: the embedded synthetic sample, as a rehearsal]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Fewer runs and epochs, to see that everything works
    #[arg(long)]
    quick: bool,
    /// Train nothing: show the figures of an earlier one, the reproduction.json beside its page, and make its page
    /// again where --out says
    #[arg(long, value_name = "FILE", conflicts_with_all = ["experiments", "data", "quick", "adapter", "variant", "jobs"])]
    figures: Option<PathBuf>,
    /// Folder for runs and page [default: reproduction, or reproduction-quick with --quick]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// GPU adapter by index or a part of its name; `gpu-bearing devices` lists them [default: the first]
    #[arg(long, value_name = "NAME|INDEX")]
    adapter: Option<String>,
    /// Shader variants, a row of the table that `gpu-bearing devices` shows [default: the adapter's]
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    #[command(flatten)]
    pub(crate) jobs: Jobs,
    /// Print the figures as JSON, and all else to standard error
    #[arg(long)]
    json: bool,
}

fn experiment(name: &str) -> Result<Experiment, String> {
    Experiment::ALL.into_iter().find(|experiment| experiment.name() == name).ok_or_else(|| {
        let names = Experiment::ALL.map(Experiment::name).join(", ");
        format!("there is no such experiment; there are: {names}")
    })
}

pub(crate) fn run(args: Args) -> Result<()> {
    let screen = Screen { json: args.json };
    if let Some(figures) = &args.figures {
        return show(screen, &Reproduction::load(figures)?, args.out.as_deref());
    }
    let base = Options {
        data: args.data,
        protocol: Some(Protocol::Paper),
        adapter: args.adapter,
        variant: args.variant,
        ..Options::default()
    }
    .validate()?;
    let (extent, default) = match args.quick {
        true => (Extent::QUICK, "reproduction-quick"),
        false => (Extent::FULL, "reproduction"),
    };
    let out = args.out.unwrap_or_else(|| default.into());
    refuse_non_utf8(&out)?;
    let folders = absolute(&out.join("runs"));
    // The page shows all that is there: an experiment that was run before stays on it.
    let asked =
        |experiment: &Experiment| args.experiments.is_empty() || args.experiments.contains(experiment);
    let experiments: Vec<Experiment> = (Experiment::ALL.into_iter())
        .filter(|experiment| asked(experiment) || reproduce::is_finished(*experiment, &extent, &folders))
        .collect();
    let gpu = Gpu::open(base.adapter.as_deref())?;
    let plan = reproduce::runs(&experiments, &extent);
    reproduce::refuse_missing_recordings(&plan, &base, &folders)?;
    screen.line(format!("adapter  {}", gpu.info))?;
    let at_once = args.jobs.at_once(&gpu.info, plan.len());
    screen.line(format!("runs     {} in {}, {at_once} at a time", plan.len(), out.join("runs").display()))?;

    let trainings = reproduce::trainings(&plan, &base, &folders);
    let selector = base.adapter.as_deref();
    let results = trainings::carry_out(selector, &trainings, at_once, "runs", screen, &|place| {
        let result = RunResult::read(&plan[place], &folders)?;
        let line = line(&result, base.data.is_none());
        Ok((result, line))
    })?;

    let mut reproduction = Reproduction {
        command: output::command(),
        quick: args.quick,
        synthetic: base.data.is_none(),
        runs: results,
        curves: Default::default(),
        diagnosis: None,
    };
    if experiments.contains(&Experiment::Diagnosis) {
        let run = &reproduce::runs(&[Experiment::Diagnosis], &extent)[0];
        reproduction.diagnosis = Some(reproduce::diagnose(&gpu, run, &base, &folders)?);
    }
    for name in reproduction.drawn() {
        let curve = Epochs::read(&name, &folders)?;
        reproduction.curves.insert(name, curve);
    }
    show(screen, &reproduction, Some(&out))
}

/// Prints the tables, and writes the page below `out`.
fn show(screen: Screen, reproduction: &Reproduction, out: Option<&Path>) -> Result<()> {
    for sheet in pages::sheets(reproduction) {
        screen.line(format!("\n{}\n{}\n{}", sheet.title, sheet.table(), sheet.note))?;
    }
    if let Some(out) = out {
        let page =
            folder::write(&out.join("report"), &pages::page(reproduction), &pages::files(reproduction))?;
        screen.line(format!("\npage  {}", page.display()))?;
    }
    if screen.json { output::json(reproduction) } else { Ok(()) }
}

/// What a finished run has come to.
fn line(result: &RunResult, synthetic: bool) -> String {
    let figure = match result.run.protocol {
        Protocol::Paper => format!("test accuracy {}", percent(result.test.accuracy)),
        Protocol::PaperByTime => format!("balanced test accuracy {}", percent(result.test.balanced_accuracy)),
    };
    format!("{figure} ({}), {:.0} s", split(result.run.protocol, synthetic).words(), result.seconds)
}
