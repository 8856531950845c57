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
pub use result::{Epochs, Group, Reproduction, RunResult, Statistic, TransferGroups};

use std::path::Path;

use super::{Config, Event, Material, Origin, Outcome, RunFolder, Trainer};
use crate::gpu::Gpu;
use crate::{Error, Result};

/// Brings `run` to its end in its folder below `runs`; `base` holds what all runs share.
///
/// # Errors
/// The folder holds a run with other options, or as [`Trainer::start`], [`Trainer::resume`] and [`Trainer::run`].
pub fn carry_out(
    gpu: &Gpu,
    run: &Run,
    base: &Config,
    runs: &Path,
    interrupted: &dyn Fn() -> bool,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<Outcome> {
    let mut config = run.config(base, runs);
    let folder = RunFolder::open_or_create(&runs.join(&run.name))?;
    if folder.config().exists() {
        refuse_other_options(&folder, &config)?;
    }
    if folder.is_finished() {
        return Ok(Outcome::Finished(Box::new(folder.read_summary()?)));
    }
    let last = if folder.last().exists() { Some(folder.read_last()?) } else { None };
    if let Some(origin) = last.as_ref().and_then(Origin::of) {
        config.freeze = Some(origin.frozen); // by name, as the run was begun
    }
    let material = Material::load(&mut config, last.as_ref()).inspect_err(|_| folder.discard_if_empty())?;
    let mut trainer = match last {
        Some(last) => Trainer::resume(gpu, &config, &material, &folder, last),
        None => Trainer::start(gpu, &config, &material, &folder).inspect_err(|_| folder.discard_if_empty()),
    }?;
    folder.write_config(&config)?;
    trainer.run(interrupted, observe)
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

/// Refuses a folder whose run was begun with other options than `config`. The adapter may be another one, layers that
/// were to be frozen stand there by name, and the sampling rate is filled in.
fn refuse_other_options(folder: &RunFolder, config: &Config) -> Result<()> {
    let before = folder.read_config()?;
    let wanted = toml::Table::try_from(config).expect("options are strings, numbers and booleans");
    let free = ["adapter", "freeze", "target_rate"];
    let other = (before.keys().chain(wanted.keys()))
        .find(|key| !free.contains(&key.as_str()) && before.get(*key) != wanted.get(*key));
    let Some(key) = other else { return Ok(()) };
    let value = |table: &toml::Table| table.get(key).map_or("not given".to_owned(), ToString::to_string);
    Err(Error::input(format!(
        "{}: begun with {key} {}, now it is {}: choose another folder with --out",
        folder.path().display(),
        value(&before),
        value(&wanted)
    )))
}
