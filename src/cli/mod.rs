//! The subcommands: parse, validate, call, print. One file each.

use clap::{Parser, Subcommand};
use gpu_bearing::Result;

mod bench;
mod check;
mod cross_validate;
mod data;
mod devices;
mod eval;
mod explain;
mod interrupt;
mod machine;
mod model;
mod options;
mod output;
mod predict;
mod progress;
mod report;
mod reproduce;
mod spectrum;
mod stress;
mod train;
mod trainings;
mod tune;

/// Train, test and run bearing-fault classifiers on any GPU.
#[derive(Debug, Parser)]
#[command(name = "gpu-bearing", version, about, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Train(Box<train::Args>),
    Eval(eval::Args),
    Predict(predict::Args),
    Spectrum(spectrum::Args),
    Explain(explain::Args),
    Stress(stress::Args),
    Report(report::Args),
    Reproduce(reproduce::Args),
    CrossValidate(Box<cross_validate::Args>),
    Bench(bench::Args),
    Tune(tune::Args),
    Check(check::Args),
    Devices(devices::Args),
    Model(model::Args),
    Data(data::Args),
}

impl Cli {
    /// Whether several trainings may run side by side.
    pub(crate) fn trains_side_by_side(&self) -> bool {
        match &self.command {
            Command::Reproduce(args) => !args.jobs.one(),
            Command::CrossValidate(args) => !args.jobs.one(),
            _ => false,
        }
    }

    pub(crate) fn run(self) -> Result<()> {
        match self.command {
            Command::Train(args) => train::run(*args),
            Command::Eval(args) => eval::run(args),
            Command::Predict(args) => predict::run(args),
            Command::Spectrum(args) => spectrum::run(args),
            Command::Explain(args) => explain::run(args),
            Command::Stress(args) => stress::run(args),
            Command::Report(args) => report::run(args),
            Command::Reproduce(args) => reproduce::run(args),
            Command::CrossValidate(args) => cross_validate::run(*args),
            Command::Bench(args) => bench::run(&args),
            Command::Tune(args) => tune::run(&args),
            Command::Check(args) => check::run(&args),
            Command::Devices(args) => devices::run(&args),
            Command::Model(args) => model::run(&args),
            Command::Data(args) => data::run(&args),
        }
    }
}
