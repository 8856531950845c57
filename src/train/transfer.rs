//! Transfer learning: a run that starts from a trained model (`--from`), of which layers may be frozen (`--freeze`) and
//! to which a dense layer may be added (`--add-dense`).
//!
//! Window, sampling rate and scaling stay the model's, since its layers know them. That holds for the scaling where
//! nothing is frozen too: an amplitude means the same before and after, and a model that is run on both machines scales
//! once; recordings in another unit are noted. Classes are those of the recordings. Where these are others, or a layer
//! is added before it, the output layer is a new one.
//!
//! A run that goes on after an interruption takes all of this from its own `last.safetensors` and never asks the
//! source again, which may have changed or be gone by then.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::config::{Config, Protocol};
use super::origin::Origin;
use super::run_folder::{RunFolder, kept_model};
use super::scaling::restored;
use crate::data::Recording;
use crate::data::recording::sha256_of_samples;
use crate::data::split::{Part, Split};
use crate::data::split_record::{Scored, SplitRecord, scored};
use crate::data::windows::{Scale, Scaling, Window};
use crate::nn::parameters::Entry;
use crate::nn::{Checkpoint, LayerKind, Model, ParameterTable, initialise};
use crate::{Error, Result};

/// What `--freeze` says for every layer that came with the model.
pub const ALL: &str = "all";

/// Recordings whose deviation is this many times that of the model's scaling, or less than that share of it, are in
/// another unit or of another sensor: loads and faults of one machine make less of a difference.
const OTHER_UNIT: f64 = 10.0;

/// The start of a run from a trained model.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// The parameters to start with, flat in the device's layout.
    pub parameters: Vec<f32>,
    /// Where they come from.
    pub origin: Origin,
    /// What the source and its own sources have learned from, as [`RunFolder::read_learned`] gives it; none where that
    /// is not known.
    pub learned: Option<Vec<SplitRecord>>,
}

/// The model to start from.
pub(super) struct Source {
    from: PathBuf,
    checkpoint: Checkpoint,
    learned: Option<Vec<SplitRecord>>,
    /// Of a run that goes on: what it was started from.
    origin: Option<Origin>,
}

impl Source {
    /// The model that `config` says to start from, if it does; for a run that goes on its own `last` state.
    pub(super) fn open(config: &Config, last: Option<&Checkpoint>) -> Result<Option<Self>> {
        let Some(from) = config.from.clone() else { return Ok(None) };
        let Some(last) = last else {
            let checkpoint = kept_model(&from).map_err(|error| error.within("--from"))?;
            let learned = if from.is_dir() { RunFolder::open(&from)?.read_learned()? } else { None };
            return Ok(Some(Self { checkpoint, from, learned, origin: None }));
        };
        let frozen = config.freeze.as_deref().unwrap_or_default();
        match Origin::of(last).filter(|origin| origin.from == from && origin.frozen == frozen) {
            Some(origin) => {
                Ok(Some(Self { from, checkpoint: last.clone(), learned: None, origin: Some(origin) }))
            }
            None => Err(Error::input(
                "--resume: `from` or `freeze` in config.toml is no longer what the run was started with: put back what \
                 was changed, or start a new run",
            )),
        }
    }

    /// Fills in what the model fixes (window, sampling rate, scaling) and refuses what contradicts it.
    pub(super) fn settle(&self, config: &mut Config) -> Result<()> {
        let from = self.from.display();
        let Checkpoint { model, rate, .. } = &self.checkpoint;
        let refuse = |given: String, own: String| {
            let flag = match config.protocol {
                Some(_) => "--protocol",
                None => given.split(' ').next().unwrap_or_default(),
            };
            Err(Error::input(format!(
                "{given}: the layers of {from} know {own}: leave {flag} out, or --from"
            )))
        };
        match (rate, config.protocol) {
            (None, None | Some(Protocol::PaperByTime)) => {
                return Err(Error::input(format!(
                    "--from {from}: was trained on recordings as they are, at different rates: add --protocol paper, \
                     or start from a run that was trained without it"
                )));
            }
            (Some(rate), Some(Protocol::Paper)) => {
                return Err(Error::input(format!(
                    "--from {from}: takes recordings at {rate} Hz, and --protocol paper does not resample: leave the \
                     protocol out, or start from a run that was trained with it"
                )));
            }
            _ => {}
        }
        if let Some(window) = config.window.filter(|window| *window != model.window) {
            return refuse(format!("--window {window}"), format!("windows of {} samples", model.window));
        }
        if let Some(target) = config.target_rate.filter(|target| Some(*target) != *rate) {
            let own = rate.map_or("no rate".to_owned(), |rate| format!("{rate} Hz"));
            return refuse(format!("--target-rate {target}"), own);
        }
        let (scale, name) = match self.scaling() {
            Scaling::Train { .. } => (Scale::Train, "train"),
            Scaling::Window => (Scale::Window, "window"),
            Scaling::None => (Scale::None, "none"),
        };
        if config.scale.is_some_and(|given| given != scale) {
            return refuse("--scale".to_owned(), format!("samples scaled by '{name}'"));
        }
        (config.window, config.target_rate, config.scale) = (Some(model.window), *rate, Some(scale));
        Ok(())
    }

    /// The scaling that the model was trained with.
    pub(super) fn scaling(&self) -> Scaling {
        restored(self.checkpoint.scaling)
    }

    /// How many recordings are of a higher rate than the model's, and are resampled to it.
    pub(super) fn resampling_note(&self, recordings: &[Recording]) -> Option<String> {
        let rate = self.checkpoint.rate?;
        let mut higher: BTreeMap<String, usize> = BTreeMap::new();
        for recording in recordings.iter().filter(|recording| recording.rate > rate) {
            *higher.entry(format!("{} Hz", recording.rate)).or_default() += 1;
        }
        let higher: Vec<String> =
            higher.iter().map(|(rate, count)| format!("{count} recordings from {rate}")).collect();
        (!higher.is_empty()).then(|| format!("resampled to the model's {rate} Hz: {}", higher.join(", ")))
    }

    /// The model for the classes of `split`, and what of it is kept, frozen and new; `config` gets the frozen layers by
    /// name.
    pub(super) fn transfer(
        self,
        config: &mut Config,
        recordings: &[Recording],
        split: &Split,
    ) -> Result<(Model, Transfer)> {
        let Self { from, checkpoint, learned, origin } = self;
        let Checkpoint { model: old, classes, parameters: trained, scaling, .. } = checkpoint;
        if let Some(origin) = origin {
            return Ok((old, Transfer { parameters: trained, origin, learned }));
        }
        let same_classes = classes == split.classes;
        let new_output = config.add_dense.is_some() || !same_classes;
        let model = if new_output {
            let model = old.with_head(split.classes.len(), config.add_dense);
            model.map_err(|error| error.within(format!("--from {}", from.display())))?
        } else {
            old.clone()
        };
        let output = model.layers.last().map_or("", |layer| &layer.name);
        let (old_table, table) = (ParameterTable::new(&old)?, ParameterTable::new(&model)?);
        let mut parameters = initialise(&model, config.seed)?;
        let (mut kept, mut fresh) = (Vec::new(), Vec::new());
        for entry in table.entries() {
            let layer = entry.layer_name();
            let source = old_table.entries().iter().find(|source| source.name == entry.name);
            let layers: &mut Vec<String> = match source.filter(|_| !(new_output && layer == output)) {
                Some(source) => {
                    parameters[entry.range()].copy_from_slice(&trained[source.range()]);
                    &mut kept
                }
                None => &mut fresh,
            };
            if layers.last().is_none_or(|last| last != layer) {
                layers.push(layer.to_owned());
            }
        }
        let frozen = frozen(config.freeze.as_deref().unwrap_or_default(), &kept, &fresh, &model)?;
        let learns = |entry: &&Entry| !frozen.iter().any(|name| name == entry.layer_name());
        let learning = table.entries().iter().filter(learns).map(|entry| entry.len).sum();
        if learning == 0 {
            return Err(Error::input(format!(
                "--freeze: all layers of '{}' would be frozen, so nothing would learn: freeze fewer, or add a layer \
                 with --add-dense UNITS",
                model.name
            )));
        }
        let mut notes = Vec::new();
        if !same_classes {
            notes.push(format!(
                "the output layer '{output}' is new: the model that training starts from tells apart {}; here they are {}",
                classes.join(", "),
                split.classes.join(", ")
            ));
        }
        let known = config.leave_out.iter().flatten().filter(|name| classes.contains(name));
        let known: Vec<&str> = known.map(String::as_str).collect();
        if !known.is_empty() {
            notes.push(format!(
                "the model that training starts from has learned {}: left out here, but not unknown to it",
                known.join(", ")
            ));
        }
        if config.dropout.is_some() && !has_dropout(&model, &table, &frozen) {
            notes.push(
                "the model's dropout lies among frozen layers, where it is off: --dropout changes nothing"
                    .to_owned(),
            );
        }
        notes.extend(unit_note(restored(scaling), recordings, split, model.window));
        let leak = leak(learned.as_deref(), recordings, split);
        let leaky = leak.is_some();
        notes.extend(leak);
        let tensors: Vec<f32> =
            old_table.entries().iter().flat_map(|entry| entry.to_torch(&trained)).collect();
        let sha256 = sha256_of_samples(&tensors);
        let name = old.name;
        let origin =
            Origin { from, model: name, sha256, frozen: frozen.clone(), fresh, learning, leaky, notes };
        config.freeze = (!frozen.is_empty()).then_some(frozen);
        Ok((model, Transfer { parameters, origin, learned }))
    }
}

/// The layers that `wanted` names, in the model's order.
fn frozen(wanted: &[String], kept: &[String], fresh: &[String], model: &Model) -> Result<Vec<String>> {
    if wanted == [ALL] {
        return Ok(kept.to_vec());
    }
    for name in wanted {
        if fresh.contains(name) {
            return Err(Error::input(format!(
                "--freeze {name}: this layer begins with fresh parameters here and has to learn: leave it out"
            )));
        }
        if !kept.contains(name) {
            return Err(Error::input(format!(
                "--freeze {name}: no layer with parameters that came with '{}'; those are {}, or {ALL} of them",
                model.name,
                kept.join(", ")
            )));
        }
    }
    Ok(kept.iter().filter(|name| wanted.contains(name)).cloned().collect())
}

/// Whether a dropout layer is on in training: above the frozen layers that lie below all that learn, see
/// [`crate::nn::lower`].
fn has_dropout(model: &Model, table: &ParameterTable, frozen: &[String]) -> bool {
    let below =
        table.entries().iter().take_while(|entry| frozen.iter().any(|name| name == entry.layer_name()));
    let fixed = below.last().map_or(0, |entry| entry.layer + 1);
    model.layers[fixed..].iter().any(|layer| matches!(layer.kind, LayerKind::Dropout { .. }))
}

/// What to say where the training windows are of quite another size than those that the scaling was fitted on.
fn unit_note(scaling: Scaling, recordings: &[Recording], split: &Split, window: usize) -> Option<String> {
    let Scaling::Train { deviation: known, .. } = scaling else { return None };
    let Scaling::Train { deviation, .. } = Scaling::fit(Scale::Train, recordings, &split.train, window)
    else {
        return None;
    };
    let ratio = deviation / known;
    (!(1.0 / OTHER_UNIT..=OTHER_UNIT).contains(&ratio)).then(|| {
        format!(
            "the training windows deviate by {deviation:.3e}, those that fitted the model's scaling by {known:.3e}: if \
             their unit or sensor is another one, convert the recordings to the model's"
        )
    })
}

/// Why a bearing that is validated or tested on may be one that the source has learned from.
fn leak(learned: Option<&[SplitRecord]>, recordings: &[Recording], split: &Split) -> Option<String> {
    let Some(learned) = learned else {
        return Some(
            "what the model that training starts from has learned from is not known, since it was given without its \
             run's folder: perhaps the same bearings"
                .to_owned(),
        );
    };
    let held_out: Vec<Window> = split.validation.iter().chain(&split.test).copied().collect();
    let names: BTreeSet<&str> =
        held_out.iter().map(|window| recordings[window.recording].name.as_str()).collect();
    let Scored { left_out, bearing_seen, .. } = scored(recordings, &held_out, learned);
    let seen: Vec<&str> =
        bearing_seen.iter().map(String::as_str).filter(|name| names.contains(name)).collect();
    let unknown = recordings.iter().any(|r| names.contains(r.name.as_str()) && r.facts.bearing.is_none())
        || learned.iter().any(|record| record.part != Part::Test && record.bearing.is_none());
    let mut reasons = Vec::new();
    if left_out > 0 {
        reasons
            .push(format!("from {left_out} of the {} windows held out here, or beside them", held_out.len()));
    }
    if !seen.is_empty() {
        reasons.push(format!("from the bearing of {}", seen.join(", ")));
    }
    if reasons.is_empty() && unknown {
        reasons.push("perhaps from the same bearings, which are not all known".to_owned());
    }
    (!reasons.is_empty())
        .then(|| format!("the model that training starts from has learned {}", reasons.join(" and ")))
}
