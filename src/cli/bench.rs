//! `gpu-bearing bench`: what a training step and a classification cost on an adapter.

use gpu_bearing::Result;
use gpu_bearing::gpu::Gpu;
use gpu_bearing::gpu::profile::Clock;
use gpu_bearing::nn::{Model, Variants};
use gpu_bearing::report::table::{Align, Table};
use gpu_bearing::train::bench::{Bench, Spread, TEST_WINDOWS, bench};

use super::options::{MOST_WINDOWS, bounded};
use super::output;

/// Measure a training step and a classification on an adapter, kernel by kernel
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Model by name or file; `gpu-bearing model` shows it
    #[arg(long, value_name = "NAME|FILE", default_value = "cnn-lstm")]
    model: String,
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
}

/// Classes of the measured model: the paper's.
const CLASSES: usize = 6;
const MOST_REPEATS: usize = 100_000;

pub(crate) fn run(args: &Args) -> Result<()> {
    bounded("--batch", args.batch, 1, MOST_WINDOWS)?;
    bounded("--repeats", args.repeats, 1, MOST_REPEATS)?;
    let model = Model::load(&args.model, CLASSES)?;
    let gpu = Gpu::open(args.adapter.as_deref())?;
    let variants = Variants::choose(&gpu.info, args.variant.as_deref())?;
    eprintln!("adapter: {}", gpu.info);
    eprintln!("compiling, then {} repeats ...", args.repeats);
    let figures = bench(&gpu, &model, args.batch, args.repeats, &variants, &mut |_| {})?;
    if args.json { output::json(&figures) } else { print(&figures) }
}

fn print(bench: &Bench) -> Result<()> {
    let per_second = |windows: usize, ms: &Spread| windows as f64 / ms.median * 1e3;
    let flop: u64 = bench.kernels.iter().map(|kernel| kernel.flop).sum();
    output::line(format!(
        "{}, batch {}, median of {} repeats (fastest to slowest)\n",
        bench.model, bench.batch, bench.repeats
    ))?;
    let Spread { median, min, max } = bench.train_step_ms;
    output::line(format!(
        "training step     {median:8.1} ms ({min:.1} to {max:.1}), {:.0} windows/s, {:.1} GFLOP/s",
        per_second(bench.batch, &bench.train_step_ms),
        flop as f64 / median / 1e6
    ))?;
    let Spread { median, min, max } = bench.infer_360_ms;
    output::line(format!(
        "classify {TEST_WINDOWS}      {median:8.1} ms ({min:.1} to {max:.1}), {:.0} windows/s",
        per_second(TEST_WINDOWS, &bench.infer_360_ms)
    ))?;
    output::line(format!("start to 1st step {:8.1} ms, compilation included", bench.first_step_ms))?;
    output::line(format!(
        "{} launches a step; an epoch of {} steps: {} submits, {} drained wait(s); {:.1} MB on the device\n",
        bench.launches_per_step,
        bench.steps_per_epoch,
        bench.submits_per_epoch,
        bench.waits_per_epoch,
        bench.device_bytes as f64 / 1e6
    ))?;
    let mut table = Table::new(&[
        ("kernel", Align::Left),
        ("variant", Align::Left),
        ("launches", Align::Right),
        ("ms", Align::Right),
        ("share", Align::Right),
        ("MFLOP", Align::Right),
        ("GFLOP/s", Align::Right),
        ("MB", Align::Right),
    ]);
    let total: f64 = bench.kernels.iter().map(|kernel| kernel.ms).sum();
    for kernel in &bench.kernels {
        table.row([
            kernel.name.clone(),
            kernel.variant.to_owned(),
            kernel.launches.to_string(),
            format!("{:.2}", kernel.ms),
            format!("{:.0} %", 100.0 * kernel.ms / total),
            format!("{:.1}", kernel.flop as f64 / 1e6),
            format!("{:.1}", kernel.flop as f64 / kernel.ms / 1e6),
            format!("{:.1}", kernel.bytes as f64 / 1e6),
        ]);
    }
    output::line(&table)?;
    output::line(match bench.clock {
        Clock::Timestamps => "kernels of one training step, timed by the device's timestamps",
        Clock::Alone => "kernels of one training step, each launch timed alone with its submission",
    })
}
