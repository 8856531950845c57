//! The command line of gpu-bearing.

mod cli;

use std::env;
use std::process::ExitCode;
use std::thread::available_parallelism;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    cut_software_shares(if cli.trains_side_by_side() { 1 } else { 3 });
    #[cfg(target_os = "linux")]
    compute_in_batch();
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

/// Asks Mesa's software adapter for so many threads a core. It cuts every launch into equal shares, one a thread, and waits
/// for the last: where another process holds up one core, the other one can take a share over, if there are three a core.
/// Trainings side by side take over from each other. Other adapters do not look at it.
#[allow(unsafe_code)]
fn cut_software_shares(a_core: usize) {
    const THREADS: &str = "LP_NUM_THREADS";
    if env::var_os(THREADS).is_none()
        && let Ok(cores) = available_parallelism()
    {
        // SAFETY: nothing has started a thread yet that could read the environment meanwhile.
        unsafe { env::set_var(THREADS, (a_core * cores.get()).to_string()) };
    }
}

/// Has Linux treat the process as one that computes: a thread that is woken waits for its turn and does not take that of the
/// one that woke it. Mesa's software adapter wakes all its threads for every launch while it holds the lock that they ask for
/// first. A policy that the user has chosen stays.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn compute_in_batch() {
    let nothing = libc::sched_param { sched_priority: 0 };
    // SAFETY: both calls are about this thread alone; the threads that it starts later inherit what it has.
    unsafe {
        if libc::sched_getscheduler(0) == libc::SCHED_OTHER {
            libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const nothing);
        }
    }
}
