//! `gpu-bearing reproduce`: the paper's experiments by one command.

use std::path::{Path, PathBuf};
use std::time::Instant;

use gpu_bearing::gpu::Gpu;
use gpu_bearing::report::figures::{percent, split_words};
use gpu_bearing::report::{folder, reproduction as pages};
use gpu_bearing::train::reproduce::{
    self, Curve, Experiment, Extent, Reproduction, Run, RunResult, carry_out,
};
use gpu_bearing::train::{Config, Event, Outcome, Protocol};
use gpu_bearing::{Error, Result};
use indicatif::{ProgressBar, ProgressStyle};

use super::interrupt::catch_interrupts;
use super::options::Options;
use super::output::{self, Screen};

/// Run the experiments of the paper behind the model cnn-lstm and set the figures beside the paper's
///
/// Cao and Ye, "Application of Improved CNN-LSTM Model in Fault Diagnosis of Rolling Bearings". Each training is a run in a
/// folder of its own, which `eval`, `predict` and `report` take. Interrupted, the same command goes on where it was.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Experiments: ten-runs, dropout, models, transfer, diagnosis [default: all]
    #[arg(value_name = "EXPERIMENT", value_parser = experiment)]
    experiments: Vec<Experiment>,
    /// Folder of the CWRU recordings [default: the embedded synthetic sample, as a rehearsal]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Fewer runs and epochs, to see that everything works
    #[arg(long)]
    quick: bool,
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
    let experiments = if args.experiments.is_empty() { Experiment::ALL.to_vec() } else { args.experiments };
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
    let folders = std::path::absolute(out.join("runs")).unwrap_or_else(|_| out.join("runs"));
    let gpu = Gpu::open(base.adapter.as_deref())?;
    let plan = reproduce::runs(&experiments, &extent);
    screen.line(format!("adapter  {}", gpu.info))?;
    screen.line(format!("runs     {} in {}", plan.len(), out.join("runs").display()))?;

    let interrupted = catch_interrupts()?;
    let mut results = Vec::new();
    for (index, run) in plan.iter().enumerate() {
        let bar = Bar::new(index, &plan, &results);
        let outcome = carry_out(&gpu, run, &base, &folders, interrupted, &mut |event| bar.show(&event));
        bar.bar.finish_and_clear();
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
        screen.line(line(index, &plan, &result, base.data.is_none()))?;
        results.push(result);
    }

    let mut reproduction = Reproduction {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        adapter: gpu.info.to_string(),
        command: output::command(),
        quick: args.quick,
        synthetic: base.data.is_none(),
        runs: results,
        curves: Default::default(),
        diagnosis: None,
    };
    if experiments.contains(&Experiment::Diagnosis) {
        reproduction.diagnosis = Some(diagnosis(&gpu, &plan, &base, &folders)?);
    }
    for name in reproduction.drawn() {
        let curve = Curve::read(&name, &folders)?;
        reproduction.curves.insert(name, curve);
    }
    for sheet in pages::sheets(&reproduction) {
        screen.line(format!("\n{}\n{}\n{}", sheet.title, sheet.table(), sheet.note))?;
    }
    let page = folder::write(&out.join("report"), &pages::page(&reproduction), &pages::files(&reproduction))?;
    screen.line(format!("\npage  {}", page.display()))?;
    if args.json { output::json(&reproduction) } else { Ok(()) }
}

/// Of the first run of the improved network.
fn diagnosis(gpu: &Gpu, plan: &[Run], base: &Config, folders: &Path) -> Result<reproduce::Diagnosis> {
    let run = plan.first().expect("every experiment needs a run");
    reproduce::diagnose(gpu, run, base, folders)
}

/// What a finished run has come to.
fn line(index: usize, plan: &[Run], result: &RunResult, synthetic: bool) -> String {
    let figure = match result.protocol {
        Protocol::Paper => format!("test accuracy {}", percent(result.test.accuracy)),
        Protocol::PaperByTime => format!("balanced test accuracy {}", percent(result.test.balanced_accuracy)),
    };
    let split = split_words(&format!("split by {}", result.protocol.rule()), synthetic, true);
    format!("{:>3}/{}  {}: {figure} ({split}), {:.0} s", index + 1, plan.len(), result.name, result.seconds)
}

/// The progress of a run among all, on standard error and only where that is a terminal.
struct Bar {
    bar: ProgressBar,
    epochs: usize,
    begun: Instant,
    /// Seconds that this run and those behind it will take.
    left: Option<f64>,
}

impl Bar {
    fn new(index: usize, plan: &[Run], results: &[RunResult]) -> Self {
        let style = ProgressStyle::with_template("{prefix} [{bar:30}] {msg}").expect("the template is valid");
        let run = &plan[index];
        let bar = ProgressBar::no_length().with_style(style.progress_chars("##-"));
        bar.set_prefix(format!("{:>3}/{}  {}", index + 1, plan.len(), run.name));
        Self { bar, epochs: run.epochs, begun: Instant::now(), left: seconds_left(results, &plan[index..]) }
    }

    fn show(&self, event: &Event<'_>) {
        if let Event::Step { epoch, done, of, .. } = *event {
            let left = self.left.map_or(String::new(), |seconds| {
                let seconds = (seconds - self.begun.elapsed().as_secs_f64()).max(0.0);
                format!(", {:.0} min left in all", (seconds / 60.0).ceil())
            });
            self.bar.set_length((self.epochs * of) as u64);
            self.bar.set_message(format!("epoch {epoch}/{}{left}", self.epochs));
            self.bar.set_position(((epoch - 1) * of + done) as u64);
        }
    }
}

/// Seconds that the runs `left` will take, by the time an epoch took of the same model, or of any where there is none.
fn seconds_left(done: &[RunResult], left: &[Run]) -> Option<f64> {
    let each = |wanted: &dyn Fn(&RunResult) -> bool| {
        let (mut seconds, mut epochs) = (0.0, 0);
        for result in done.iter().filter(|result| wanted(result)) {
            seconds += result.seconds;
            epochs += result.epochs;
        }
        (epochs > 0).then(|| seconds / epochs as f64)
    };
    let any = each(&|_| true)?;
    let of = |run: &Run| {
        let same =
            |result: &RunResult| result.model == run.model && result.from.is_some() == run.from.is_some();
        run.epochs as f64 * each(&same).unwrap_or(any)
    };
    Some(left.iter().map(of).sum())
}
