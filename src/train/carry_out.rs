//! One of many runs, brought to its end wherever it stands.

use std::path::Path;

use super::{Config, Event, Material, Origin, Outcome, RunFolder, Trainer};
use crate::gpu::Gpu;
use crate::{Error, Result};

/// Brings the run of `config` in the folder `path` to its end, one of so many `at_once`: one that is finished is not run
/// again, one that was interrupted goes on. The folder holds no run with other options, see [`refuse_other_options`].
///
/// # Errors
/// As [`Material::load`], [`Trainer::start`], [`Trainer::resume`] and [`Trainer::run`].
pub(super) fn carry_out(
    gpu: &Gpu,
    mut config: Config,
    path: &Path,
    at_once: usize,
    interrupted: &dyn Fn() -> bool,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<Outcome> {
    let folder = RunFolder::open_or_create(path)?;
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
    trainer = trainer.one_of(at_once);
    folder.write_config(&config)?;
    trainer.run(interrupted, observe)
}

/// Refuses the `folder` of a run that was begun with other options than `config`. The adapter may be another one, and layers that
/// were to be frozen stand there by name. What depends on model and recordings must be given as well, but for the rate.
pub(super) fn refuse_other_options(folder: &RunFolder, config: &Config) -> Result<()> {
    let before = folder.read_config()?;
    let wanted = toml::Table::try_from(config).expect("options are strings, numbers and booleans");
    // A rate that was left open has been filled in.
    let open = |key: &str| key == "target_rate" && !wanted.contains_key(key);
    let free = |key: &str| ["adapter", "freeze"].contains(&key) || open(key);
    let other =
        (before.keys().chain(wanted.keys())).find(|key| !free(key) && before.get(*key) != wanted.get(*key));
    let Some(key) = other else { return Ok(()) };
    let value = |table: &toml::Table| table.get(key).map_or("not given".to_owned(), ToString::to_string);
    Err(Error::input(format!(
        "{}: begun with {key} {}, now it is {}: choose another folder with --out",
        folder.path().display(),
        value(&before),
        value(&wanted)
    )))
}
