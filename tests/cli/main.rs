//! Runs the binary as a user does: its files, its output, its exit codes. Trials that train need an adapter; without
//! one they are reported as ignored, and with `GPU_BEARING_REQUIRE_ADAPTER=1` that is a failure.

mod bad_input;
mod bench;
mod cross_validate;
mod data;
mod evaluation;
mod explain;
mod report;
mod reproduce;
mod resume;
mod setup;
mod spectrum;
mod stress;
mod training;
mod transfer;
mod tune;

use std::process::ExitCode;

use gpu_bearing::gpu::adapter;
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let adapter = !adapter::list().is_empty();
    let required = std::env::var("GPU_BEARING_REQUIRE_ADAPTER").is_ok_and(|value| value == "1");
    let cwru = std::env::var_os("GPU_BEARING_CWRU").is_some_and(|folder| !folder.is_empty());

    let mut trials: Vec<Trial> = [bad_input::TRIALS, bench::TRIALS, data::TRIALS, spectrum::TRIALS]
        .concat()
        .into_iter()
        .map(trial)
        .collect();
    for test in [
        bad_input::TRIALS_ON_ADAPTER,
        bench::TRIALS_ON_ADAPTER,
        cross_validate::TRIALS,
        training::TRIALS,
        evaluation::TRIALS,
        explain::TRIALS,
        report::TRIALS,
        reproduce::TRIALS,
        resume::TRIALS,
        stress::TRIALS,
        transfer::TRIALS,
        tune::TRIALS,
    ]
    .concat()
    {
        trials.push(trial_if(adapter, "no adapter", required, test));
    }
    let torch = adapter && bench::has_torch();
    for test in bench::TRIALS_WITH_TORCH {
        trials.push(trial_if(torch, "needs an adapter and PyTorch (GPU_BEARING_PYTHON)", false, *test));
    }
    for test in [training::CWRU_TRIALS, transfer::CWRU_TRIALS].concat() {
        trials.push(trial_if(adapter && cwru, "needs an adapter and GPU_BEARING_CWRU", false, test));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial((name, test): setup::Test) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}

/// The trial where its condition holds; otherwise one that is ignored for that reason, and fails where it is
/// required or asked for.
fn trial_if(condition: bool, reason: &'static str, required: bool, test: setup::Test) -> Trial {
    if condition {
        return trial(test);
    }
    Trial::test(test.0, move || Err(reason.into())).with_kind(reason).with_ignored_flag(!required)
}
