//! `gpu-bearing tune`: which shader variants are fastest on an adapter, measured and kept.

use std::path::PathBuf;

use gpu_bearing::gpu::Gpu;
use gpu_bearing::nn::variants::Row;
use gpu_bearing::nn::{Model, tuned};
use gpu_bearing::report::{Align, Table};
use gpu_bearing::train::tune::{RowCost, tune};
use gpu_bearing::{Error, Result};
use serde::Serialize;

use super::options::{MOST_WINDOWS, bounded};
use super::output::{self, Screen};

/// Measure the shader variants on an adapter and keep the fastest: later commands use it there
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Model by name or file; `gpu-bearing model` shows it
    #[arg(long, value_name = "NAME|FILE", default_value = "cnn-lstm")]
    model: String,
    /// Windows in a batch
    #[arg(long, value_name = "WINDOWS", default_value_t = 32)]
    batch: usize,
    /// Repeats behind each figure; the median decides
    #[arg(long, value_name = "N", default_value_t = 5)]
    repeats: usize,
    /// GPU adapter by index or a part of its name; `gpu-bearing devices` lists them [default: the first]
    #[arg(long, value_name = "NAME|INDEX")]
    adapter: Option<String>,
    /// Forget what was kept, for all adapters
    #[arg(long, conflicts_with_all = ["model", "batch", "repeats", "adapter", "json"])]
    reset: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    adapter: String,
    model: &'a str,
    batch: usize,
    repeats: usize,
    /// The fastest first.
    variants: &'a [RowCost],
    kept: &'static str,
    file: PathBuf,
}

/// Classes of the measured model: the paper's.
const CLASSES: usize = 6;
const MOST_REPEATS: usize = 1000;

pub(crate) fn run(args: &Args) -> Result<()> {
    if args.reset {
        return match tuned::forget()? {
            Some(file) => output::line(format!("forgot   {}", file.display())),
            None => output::line("nothing was kept"),
        };
    }
    bounded("--batch", args.batch, 1, MOST_WINDOWS)?;
    bounded("--repeats", args.repeats, 1, MOST_REPEATS)?;
    let model = Model::load(&args.model, CLASSES)?;
    let gpu = Gpu::open(args.adapter.as_deref())?;
    // A file that cannot be understood is better found before the measurement than after it.
    tuned::row(&gpu.info)?;
    let screen = Screen { json: args.json };
    screen.line(format!("adapter  {}", gpu.info))?;
    let mut compiling = |row: &Row| output::note(format!("compiling {}, first run ...", row.name));
    let costs = tune(&gpu, &model, args.batch, args.repeats, &mut compiling)?;
    let fastest =
        costs.first().ok_or_else(|| Error::failed(format!("{}: no variant runs", gpu.info.name)))?;
    let row = Row::named(fastest.variant, &gpu.info)?;
    let file = tuned::keep(&gpu.info, row)?;
    if args.json {
        return output::json(&Report {
            adapter: gpu.info.to_string(),
            model: &model.name,
            batch: args.batch,
            repeats: args.repeats,
            variants: &costs,
            kept: row.name,
            file,
        });
    }
    output::line(format!(
        "\na training step of {}, batch {}, median of {} repeats\n\n{}\n",
        model.name,
        args.batch,
        args.repeats,
        table(&costs)
    ))?;
    output::line(format!("kept     {} for this adapter and driver, in {}", row.name, file.display()))?;
    output::line(
        "used     by what runs on this adapter from now on, unless --variant is given or a run has its own",
    )
}

fn table(costs: &[RowCost]) -> Table {
    let mut table = Table::new(&[
        ("variant", Align::Left),
        ("ms", Align::Right),
        ("fastest", Align::Right),
        ("slowest", Align::Right),
        ("launches", Align::Right),
        ("workgroups", Align::Right),
        ("barriers", Align::Right),
    ]);
    for cost in costs {
        table.row([
            cost.variant.to_owned(),
            format!("{:.1}", cost.ms),
            format!("{:.1}", cost.fastest_ms),
            format!("{:.1}", cost.slowest_ms),
            cost.launches.to_string(),
            cost.workgroups.to_string(),
            cost.barriers.to_string(),
        ]);
    }
    table
}
