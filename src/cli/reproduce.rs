//! `gpu-bearing reproduce`: the paper's experiments by one command.

use std::path::{Path, PathBuf};

use gpu_bearing::gpu::Gpu;
use gpu_bearing::report::figures::percent;
use gpu_bearing::report::reproduction::split;
use gpu_bearing::report::{folder, model_card, reproduction as pages};
use gpu_bearing::train::reproduce::{
    self, Epochs, Experiment, Extent, Reproduction, Run, RunResult, carry_out,
};
use gpu_bearing::train::{Outcome, Protocol, RunFolder};
use gpu_bearing::{Error, Result};

use super::interrupt::catch_interrupts;
use super::options::{Options, absolute, refuse_non_utf8};
use super::output::{self, Screen};
use super::progress::RunBar;

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
    #[arg(long, value_name = "FILE", conflicts_with_all = ["experiments", "data", "quick", "adapter", "variant"])]
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
    screen.line(format!("runs     {} in {}", plan.len(), out.join("runs").display()))?;

    let interrupted = catch_interrupts()?;
    let mut results = Vec::new();
    for (index, run) in plan.iter().enumerate() {
        let left = seconds_left(&results, &plan[index..]);
        let bar = RunBar::new(&run.name, (index, plan.len()), run.epochs, left);
        let outcome = carry_out(&gpu, run, &base, &folders, interrupted, &mut |event| bar.show(&event));
        bar.end();
        if let Outcome::Interrupted { epoch, .. } = outcome? {
            return Err(Error::failed(format!(
                "interrupted in run {} of {}, {}, epoch {epoch}; go on with: {}",
                index + 1,
                plan.len(),
                run.name,
                output::command()
            )));
        }
        let result = RunResult::read(run, &folders)?;
        model_card::write(&RunFolder::open(&folders.join(&run.name))?)?;
        screen.line(line(index, &plan, &result, base.data.is_none()))?;
        results.push(result);
    }

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
fn line(index: usize, plan: &[Run], result: &RunResult, synthetic: bool) -> String {
    let figure = match result.run.protocol {
        Protocol::Paper => format!("test accuracy {}", percent(result.test.accuracy)),
        Protocol::PaperByTime => format!("balanced test accuracy {}", percent(result.test.balanced_accuracy)),
    };
    let split = split(result.run.protocol, synthetic).words();
    format!(
        "{:>3}/{}  {}: {figure} ({split}), {:.0} s",
        index + 1,
        plan.len(),
        result.run.name,
        result.seconds
    )
}

/// Seconds that the runs `left` will take, by the time an epoch took of the same model, or of any where there is none.
fn seconds_left(done: &[RunResult], left: &[Run]) -> Option<f64> {
    let each = |wanted: &dyn Fn(&RunResult) -> bool| {
        let (mut seconds, mut epochs) = (0.0, 0);
        for result in done.iter().filter(|result| wanted(result)) {
            seconds += result.seconds;
            epochs += result.run.epochs;
        }
        (epochs > 0).then(|| seconds / epochs as f64)
    };
    let any = each(&|_| true)?;
    let of = |run: &Run| {
        let same = |result: &RunResult| {
            result.run.model == run.model && result.run.from.is_some() == run.from.is_some()
        };
        run.epochs as f64 * each(&same).unwrap_or(any)
    };
    Some(left.iter().map(of).sum())
}
