//! `gpu-bearing check`: every kernel on this adapter against its f64 twin.

use gpu_bearing::gpu::Gpu;
use gpu_bearing::nn::tuned;
use gpu_bearing::nn::variants::{ROWS, Variants};
use gpu_bearing::reference::case::Case;
use gpu_bearing::reference::cases::cases;
use gpu_bearing::reference::compare::Worst;
use gpu_bearing::report::{Align, Table};
use gpu_bearing::{Error, Result};
use serde::Serialize;

use super::output::{self, Screen};

/// Compare every kernel on this adapter with a double-precision computation of the same formula
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// GPU adapter by index or a part of its name; `gpu-bearing devices` lists them [default: the first]
    #[arg(long, value_name = "ADAPTER")]
    adapter: Option<String>,
    /// Row of the variant table [default: every row that the adapter can run]
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// A line for every shape, not only for every kernel
    #[arg(long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What came of one or more cases of a kernel.
#[derive(Debug, Clone, Serialize)]
struct Line {
    kernel: &'static str,
    variant: &'static str,
    /// The sizes, where the line is one case.
    #[serde(skip_serializing_if = "Option::is_none")]
    shape: Option<String>,
    shapes: usize,
    failed: usize,
    /// The largest differences among the cases that passed.
    worst: Worst,
    /// What is wrong with the first case that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Report {
    adapter: String,
    /// Rows of the variant table that this adapter cannot run, and why.
    skipped: Vec<String>,
    kernels: Vec<Line>,
    passed: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let gpu = Gpu::open(args.adapter.as_deref())?;
    let (rows, skipped) = rows(&gpu, args.variant.as_deref())?;
    let lines: Vec<Line> = cases()
        .iter()
        .filter(|case| rows.iter().any(|row| row.of(shader(case)) == case.variant))
        .map(|case| judge(&gpu, case))
        .collect();
    let kernels = if args.all { lines } else { by_kernel(lines) };
    let passed = kernels.iter().all(|line| line.failed == 0);
    let report = Report { adapter: gpu.info.to_string(), skipped, kernels, passed };
    print(&report, Screen { json: args.json })?;
    if args.json {
        output::json(&report)?;
    }
    if passed {
        return Ok(());
    }
    let failed: usize = report.kernels.iter().map(|line| line.failed).sum();
    Err(Error::failed(format!("{}: {failed} cases failed; do not trust what it trains", gpu.info.name)))
}

/// The rows of the variant table to check, and why others are not.
fn rows(gpu: &Gpu, forced: Option<&str>) -> Result<(Vec<Variants>, Vec<String>)> {
    if forced.is_some() {
        return Ok((vec![tuned::choose(&gpu.info, forced)?], Vec::new()));
    }
    let (mut rows, mut skipped) = (Vec::new(), Vec::new());
    for row in ROWS {
        match row.lack(&gpu.info) {
            None => rows.push(row.variants()),
            Some(lack) => skipped.push(format!("{}: it {lack}", row.name)),
        }
    }
    Ok((rows, skipped))
}

fn shader(case: &Case) -> &'static str {
    case.kernel.split_once('.').map_or(case.kernel, |(shader, _)| shader)
}

fn judge(gpu: &Gpu, case: &Case) -> Line {
    let (worst, error) = match case.run(gpu) {
        Ok(worst) => (worst, None),
        Err(error) => (Worst::default(), Some(format!("{case}: {error}"))),
    };
    Line {
        kernel: case.kernel,
        variant: case.variant,
        shape: Some(case.shape.clone()),
        shapes: 1,
        failed: usize::from(error.is_some()),
        worst,
        error,
    }
}

/// One line for each kernel and variant.
fn by_kernel(lines: Vec<Line>) -> Vec<Line> {
    let mut merged: Vec<Line> = Vec::new();
    for line in lines {
        match merged.iter_mut().find(|m| (m.kernel, m.variant) == (line.kernel, line.variant)) {
            None => merged.push(Line { shape: None, ..line }),
            Some(kernel) => {
                kernel.shapes += line.shapes;
                kernel.failed += line.failed;
                kernel.worst = kernel.worst.max(line.worst);
                kernel.error = kernel.error.take().or(line.error);
            }
        }
    }
    merged
}

fn print(report: &Report, screen: Screen) -> Result<()> {
    screen.line(format!("adapter  {}\n", report.adapter))?;
    let mut table = Table::new(&[
        ("kernel", Align::Left),
        ("variant", Align::Left),
        ("shapes", Align::Left),
        ("worst error", Align::Right),
        ("of the tolerance", Align::Right),
        ("verdict", Align::Left),
    ]);
    for line in &report.kernels {
        table.row([
            line.kernel.to_owned(),
            line.variant.to_owned(),
            line.shape.clone().unwrap_or_else(|| line.shapes.to_string()),
            if line.worst.absolute == 0.0 { "0".into() } else { format!("{:.1e}", line.worst.absolute) },
            format!("{:.0} %", 100.0 * line.worst.share),
            if line.failed == 0 { "ok".into() } else { format!("{} FAILED", line.failed) },
        ]);
    }
    screen.line(table)?;
    for error in report.kernels.iter().filter_map(|line| line.error.as_ref()) {
        screen.line(format!("\n{error}"))?;
    }
    for skipped in &report.skipped {
        screen.line(format!("\nSkipped variant {skipped}."))?;
    }
    Ok(())
}
