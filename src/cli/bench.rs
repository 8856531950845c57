//! `gpu-bearing bench`: what a training step and a classification cost, here, beside PyTorch, or on another adapter.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use gpu_bearing::gpu::Gpu;
use gpu_bearing::gpu::roof::Roof;
use gpu_bearing::nn::{Model, ParameterTable, Variants, tuned};
use gpu_bearing::report;
use gpu_bearing::train::bench::forecast::{CLASSES, Figures, forecast};
use gpu_bearing::train::bench::scaling::scaling;
use gpu_bearing::train::bench::{Bench, Subject, against, bench};
use gpu_bearing::train::transfer::ALL;
use gpu_bearing::{Error, Result};

use super::options::{MOST_WINDOWS, bounded};
use super::output;

/// Measure a training step and a classification on an adapter, kernel by kernel
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Model by name, file or run; `gpu-bearing model` shows it
    #[arg(long, value_name = "NAME|FILE|RUN", default_value = "cnn-lstm")]
    model: String,
    /// Layers whose parameters stay as they are, as `train --from RUN --freeze` leaves them: names with commas between
    /// them, or all but the output layer
    #[arg(long, value_name = "LAYERS|all", value_delimiter = ',', conflicts_with_all = ["against", "scaling"])]
    freeze: Vec<String>,
    /// Windows in a batch
    #[arg(long, value_name = "WINDOWS", default_value_t = 32)]
    batch: usize,
    /// Repeats behind each figure; the median is quoted
    #[arg(long, value_name = "N", default_value_t = 7)]
    repeats: usize,
    /// GPU adapter by index or a part of its name; `gpu-bearing devices` lists them [default: the first]
    #[arg(long, value_name = "NAME|INDEX")]
    adapter: Option<String>,
    /// Row of the shader variant table; `gpu-bearing devices` shows it [default: by the adapter's type]
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,

    /// Set the figures beside those of an earlier `bench --json > FILE`
    #[arg(long, value_name = "FILE", help_heading = "Compare")]
    compare: Option<PathBuf>,
    /// Time the same work here and in PyTorch on the processor, taking turns
    #[arg(long, value_name = "PEER", help_heading = "Compare", conflicts_with = "compare")]
    against: Option<Rival>,
    /// Python with PyTorch, for --against
    #[arg(long, value_name = "PATH", default_value = "python3", help_heading = "Compare")]
    python: PathBuf,

    /// Measure how the cost grows with batch, window and LSTM units; takes minutes
    #[arg(long, help_heading = "Scaling", conflicts_with_all = ["compare", "against", "batch", "repeats"])]
    scaling: bool,
    /// Draw the growth as an SVG file
    #[arg(long, value_name = "FILE.svg", help_heading = "Scaling", requires = "scaling")]
    out: Option<PathBuf>,

    /// Reckon what a step would cost on GPUs that are not at hand; measures nothing, needs no adapter
    #[arg(
        long,
        help_heading = "Plan",
        conflicts_with_all = ["compare", "against", "scaling", "repeats", "adapter"]
    )]
    plan: bool,
    /// Memory bandwidth of a GPU of your choice in GB/s
    #[arg(long, value_name = "GB/S", help_heading = "Plan", requires_all = ["plan", "rate", "launch"])]
    bandwidth: Option<f64>,
    /// Its f32 arithmetic in GFLOP/s
    #[arg(long, value_name = "GFLOP/S", help_heading = "Plan", requires_all = ["plan", "bandwidth", "launch"])]
    rate: Option<f64>,
    /// What a launch costs it in microseconds
    #[arg(long, value_name = "US", help_heading = "Plan", requires_all = ["plan", "bandwidth", "rate"])]
    launch: Option<f64>,
}

/// Who is timed beside us.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Rival {
    Pytorch,
}

/// Classes of the measured model: the paper's.
const CONDITIONS: usize = 6;
const MOST_REPEATS: usize = 100_000;

pub(crate) fn run(args: &Args) -> Result<()> {
    bounded("--batch", args.batch, 1, MOST_WINDOWS)?;
    bounded("--repeats", args.repeats, 1, MOST_REPEATS)?;
    let model = super::model::load(&args.model, CONDITIONS)?;
    let frozen = frozen(&args.freeze, &model)?;
    if args.plan {
        return plan(args, &model, &frozen);
    }
    let subject = Subject::new(&model, args.batch, &frozen)?;
    let before = args.compare.as_deref().map(|path| earlier(path, &subject)).transpose()?;
    let gpu = Gpu::open(args.adapter.as_deref())?;
    let variants = tuned::choose(&gpu.info, args.variant.as_deref())?;
    output::note(format!("adapter: {}", gpu.info));
    if args.scaling {
        return growth(args, &gpu, &model, &variants);
    }
    if let Some(Rival::Pytorch) = args.against {
        let sizes = (args.batch, args.repeats);
        let result = against(&gpu, &model, sizes, &variants, &args.python, &mut |what| output::note(what))?;
        return if args.json { output::json(&result) } else { output::line(report::bench::against(&result)) };
    }
    output::note(format!("compiling, then {} repeats ...", args.repeats));
    let figures = bench(&gpu, &model, args.batch, args.repeats, &variants, &frozen, &mut |_| {})?;
    let screen = output::Screen { json: args.json };
    if args.json {
        output::json(&figures)?;
    } else {
        output::line(report::bench::summary(&figures))?;
        output::line("")?;
        output::line(report::bench::kernels(&figures))?;
    }
    if let Some((path, before)) = before {
        screen.line("")?;
        if before.adapter != figures.adapter {
            screen.line(format!("adapters differ: before {}, after {}", before.adapter, figures.adapter))?;
        }
        let name = path.display().to_string();
        screen.line(report::bench::changes(&figures.changes_from(&before), &name))?;
    }
    Ok(())
}

fn earlier<'a>(path: &'a Path, subject: &Subject) -> Result<(&'a Path, Bench)> {
    let before = Bench::read(path)?;
    before.check_subject(subject, path)?;
    Ok((path, before))
}

fn growth(args: &Args, gpu: &Gpu, model: &Model, variants: &Variants) -> Result<()> {
    let all = scaling(gpu, model, variants, &mut |what, size| output::note(format!("{what}: {size}")))?;
    if let Some(path) = &args.out {
        let title = format!("{}: time a GFLOP of a training step on {}", model.name, gpu.info.name);
        let svg = report::bench::scaling_plot(&all, &title);
        std::fs::write(path, svg).map_err(|cause| Error::write(path, &cause))?;
    }
    if args.json { output::json(&all) } else { output::line(report::bench::scaling(&all)) }
}

/// The layers that `--freeze` names.
fn frozen(wanted: &[String], model: &Model) -> Result<BTreeSet<String>> {
    let output = model.layers.last().map(|layer| layer.name.clone());
    let (table, all) = (ParameterTable::new(model)?, wanted == [ALL]);
    let layers: BTreeSet<String> =
        table.entries().iter().map(|entry| entry.layer_name().to_owned()).collect();
    if let Some(name) = wanted.iter().find(|name| !all && !layers.contains(*name)) {
        return Err(Error::input(format!(
            "--freeze {name}: '{}' has no such layer with parameters",
            model.name
        )));
    }
    Ok(layers
        .into_iter()
        .filter(|name| wanted.contains(name) || all && Some(name) != output.as_ref())
        .collect())
}

fn plan(args: &Args, model: &Model, frozen: &BTreeSet<String>) -> Result<()> {
    let mut adapters = CLASSES.to_vec();
    if let (Some(gb_per_s), Some(gflop_per_s), Some(launch_us)) = (args.bandwidth, args.rate, args.launch) {
        for (flag, value) in [("--bandwidth", gb_per_s), ("--rate", gflop_per_s)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::input(format!("{flag} {value}: must be above 0")));
            }
        }
        if !(launch_us.is_finite() && launch_us >= 0.0) {
            return Err(Error::input(format!("--launch {launch_us}: must be at least 0")));
        }
        adapters.push(Figures { name: "yours", roof: Roof { gb_per_s, gflop_per_s }, launch_us });
    }
    let result = forecast(model, args.batch, args.variant.as_deref(), frozen, adapters)?;
    if args.json { output::json(&result) } else { output::line(report::bench::forecast(&result)) }
}
