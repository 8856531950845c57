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
pub use result::{Curve, Group, Reproduction, RunResult, Statistic, Transfer};

use std::fs;
use std::path::Path;

use super::{Config, Event, Material, Outcome, RunFolder, Trainer};
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
    let path = runs.join(&run.name);
    let mut config = run.config(base, runs);
    if path.join(RunFolder::CONFIG).is_file() {
        refuse_other_options(&path, &config)?;
    }
    let folder = RunFolder::open_or_create(&path)?;
    if folder.is_finished() {
        return Ok(Outcome::Finished(Box::new(folder.read_summary()?)));
    }
    let last = if folder.last().exists() { Some(folder.read_last()?) } else { None };
    let material = Material::load(&mut config, last.as_ref())?;
    let mut trainer = match last {
        Some(last) => Trainer::resume(gpu, &config, &material, &folder, last)?,
        None => Trainer::start(gpu, &config, &material, &folder)?,
    };
    folder.write_config(&toml::to_string(&config).expect("options are strings, numbers and booleans"))?;
    trainer.run(interrupted, observe)
}

/// Refuses a folder whose run was begun with other options than `config`. The adapter may be another one, and layers
/// that were to be frozen stand there by name.
fn refuse_other_options(path: &Path, config: &Config) -> Result<()> {
    let file = path.join(RunFolder::CONFIG);
    let text = fs::read_to_string(&file).map_err(|cause| Error::read(&file, &cause))?;
    let before: toml::Table =
        text.parse().map_err(|cause| Error::input(format!("{}: {cause}", file.display())))?;
    let wanted = toml::Table::try_from(config).expect("options are strings, numbers and booleans");
    let free = ["adapter", "freeze"];
    let other =
        wanted.iter().find(|&(key, value)| !free.contains(&key.as_str()) && before.get(key) != Some(value));
    match other {
        None => Ok(()),
        Some((key, value)) => {
            let was = before.get(key).map_or("none".to_owned(), ToString::to_string);
            Err(Error::input(format!(
                "{}: begun with {key} = {was}, now it is {value}: choose another folder with --out",
                path.display()
            )))
        }
    }
}
