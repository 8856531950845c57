//! The paper's experiments on one set of recordings: the runs that they need, and what these show.
//!
//! Every run is an ordinary run in a folder of its own; one that is finished is not run again, one that was
//! interrupted goes on. The figures are read from the runs' folders.

mod diagnosis;
mod experiment;
pub mod paper;
mod result;

pub use diagnosis::{Diagnosis, diagnose};
pub use experiment::{Experiment, Extent, Run, runs};
pub use result::{Epochs, Group, Reproduction, RunResult, TransferGroups};

use std::path::Path;

use super::queue::Training;
use super::{Config, Material, RunFolder};
use crate::Result;

/// The runs of `plan` as a queue takes them, in folders below `runs`; `base` holds what all runs share.
pub fn trainings(plan: &[Run], base: &Config, runs: &Path) -> Vec<Training> {
    let place = |name: &String| plan.iter().position(|run| run.name == *name);
    let training = |run: &Run| Training {
        folder: runs.join(&run.name),
        config: run.config(base, runs),
        after: run.from.as_ref().and_then(place),
    };
    plan.iter().map(training).collect()
}

/// Refuses `base` where it lacks recordings that one of `plan` will need, before hours have gone by.
///
/// # Errors
/// As [`Material::load`].
pub fn refuse_missing_recordings(plan: &[Run], base: &Config, runs: &Path) -> Result<()> {
    let mut seen = Vec::new();
    for run in plan.iter().filter(|run| run.from.is_none()) {
        let needs = (run.protocol, run.load);
        if !seen.contains(&needs) {
            seen.push(needs);
            Material::load(&mut run.config(base, runs), None)?;
        }
    }
    Ok(())
}

/// Whether all runs that `experiment` needs are finished in `runs`.
pub fn is_finished(experiment: Experiment, extent: &Extent, folders: &Path) -> bool {
    let finished = |run: &Run| RunFolder::open(&folders.join(&run.name)).is_ok_and(|run| run.is_finished());
    runs(&[experiment], extent).iter().all(finished)
}
