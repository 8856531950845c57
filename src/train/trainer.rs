//! The training loop: epochs, the kept model, early stopping, and going on after an interruption.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::baselines::Baselines;
use super::classified::{Classified, familiarity};
use super::config::{Config, REJECT};
use super::material::{self, Material};
use super::metrics::calibration::Calibration;
use super::metrics::unknown::Rejection;
use super::metrics::{Scores, Tally};
use super::origin::Origin;
use super::run_folder::{EpochRecord, RunFolder, Summary};
use super::scaling::stored;
use super::{recipe, recorded_variants, variant_names};
use crate::data::order::epoch_order;
use crate::data::split::{Division, Part};
use crate::data::split_record::SplitRecord;
use crate::data::windows::Cut;
use crate::gpu::Gpu;
use crate::nn::lower::Task;
use crate::nn::network::{Epoch, Network, Options, Rows, Snapshot, Window};
use crate::nn::{Checkpoint, ParameterTable, TrainingState, Variants, initialise, tuned};
use crate::{Error, Result};

/// What a caller may want to show while training goes on.
#[derive(Debug)]
pub enum Event<'a> {
    /// `done` of an epoch's `of` steps are done.
    Step {
        /// From 1.
        epoch: usize,
        /// Steps done.
        done: usize,
        /// Steps in an epoch.
        of: usize,
    },
    /// An epoch is complete.
    Epoch(&'a EpochRecord),
}

/// How training ended.
#[derive(Debug)]
pub enum Outcome {
    /// All epochs are done, or there was no better one for long enough.
    Finished(Box<Summary>),
    /// The caller interrupted it; `last.safetensors` holds where it stands.
    Interrupted {
        /// The epoch under way, from 1.
        epoch: usize,
        /// Its steps that are done.
        step: usize,
    },
}

/// A run under way.
pub struct Trainer<'a> {
    gpu: &'a Gpu,
    config: &'a Config,
    material: &'a Material,
    folder: &'a RunFolder,
    /// Trainings at a time, this one among them.
    at_once: usize,
    adapter: String,
    variants: Variants,
    network: Network<'a>,
    windows: Vec<Window>,
    /// Epochs that are complete.
    epoch: usize,
    /// Steps done of the epoch under way.
    step: usize,
    record: Record,
    metrics: Vec<EpochRecord>,
    /// Parameters and moments after the last step done.
    snapshot: Snapshot,
    /// Parameters of the kept model.
    kept: Vec<f32>,
    /// Its temperature, once the run is finished.
    temperature: Option<f64>,
    /// How familiar its validation recordings are, ascending, once the run is finished.
    familiarity: Vec<f64>,
}

/// What a checkpoint keeps for the trainer beside parameters and moments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Record {
    adapter: String,
    best: Option<Best>,
    /// Windows trained on in the epoch under way.
    tally: Tally,
    /// Seconds spent in the epoch under way.
    seconds: f64,
    /// The trained model that the run was started from, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
    /// What happened to the run that its figures should be read with.
    notes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Best {
    /// Complete epochs when it was found.
    epoch: usize,
    /// Its validation loss; none where nothing validates.
    loss: Option<f64>,
}

impl<'a> Trainer<'a> {
    /// Begins a run in an empty folder.
    ///
    /// # Errors
    /// The adapter cannot run the variant, the device lacks memory, or the folder cannot be written.
    pub fn start(
        gpu: &'a Gpu,
        config: &'a Config,
        material: &'a Material,
        folder: &'a RunFolder,
    ) -> Result<Self> {
        let variants = tuned::choose(&gpu.info, config.variant.as_deref())?;
        let mut trainer = Self::new(gpu, config, material, folder, variants)?;
        let parameters = match &material.transfer {
            Some(transfer) => transfer.parameters.clone(),
            None => initialise(&material.model, config.seed)?,
        };
        let zeros = vec![0.0; parameters.len()];
        trainer.kept = parameters.clone();
        trainer.snapshot = Snapshot { parameters, m: zeros.clone(), v: zeros };
        trainer.network.restore(&trainer.snapshot);
        folder.write_split(&material.split.records(&material.recordings))?;
        if let Some(learned) = material.transfer.as_ref().and_then(|transfer| transfer.learned.as_ref()) {
            folder.write_inherited(learned)?;
        }
        Ok(trainer)
    }

    /// Goes on with the run in `folder` where `last` stands.
    ///
    /// # Errors
    /// `last` is no checkpoint to go on from, is of other recordings, or the folder's files do not belong
    /// together.
    pub fn resume(
        gpu: &'a Gpu,
        config: &'a Config,
        material: &'a Material,
        folder: &'a RunFolder,
        last: Checkpoint,
    ) -> Result<Self> {
        refuse_other_material(material, folder, &last)?;
        let path = folder.last();
        let state = last
            .training
            .ok_or_else(|| Error::input(format!("{}: holds no training to go on with", path.display())))?;
        let record: Record = serde_json::from_value(state.trainer)
            .map_err(|cause| Error::input(format!("{}: the trainer's record: {cause}", path.display())))?;
        let metrics = folder.read_metrics(state.epoch)?;
        if folder.is_finished() && is_done(config, state.epoch, record.best) {
            return Err(Error::input(format!(
                "{}: the run is finished, {} of {} epochs with --patience {}: train on with a larger --epochs or \
                 --patience",
                folder.path().display(),
                state.epoch,
                config.epochs,
                config.patience
            )));
        }
        // A process that was killed may not have come to write the kept model.
        let last_is_best =
            state.step_in_epoch == 0 && record.best.is_some_and(|best| best.epoch == state.epoch);
        let kept = match record.best {
            Some(_) if !last_is_best => folder.read_model()?.parameters,
            _ => last.parameters.clone(),
        };

        let recorded = recorded_variants(&gpu.info, &last.variants);
        let same_variants = recorded.is_some();
        let variants = match recorded {
            Some(variants) => variants,
            None => tuned::choose(&gpu.info, None)?,
        };
        let mut trainer = Self::new(gpu, config, material, folder, variants)?;
        let old_adapter = record.adapter.clone();
        trainer.record = Record { adapter: trainer.adapter.clone(), ..record };
        if old_adapter != trainer.adapter || !same_variants {
            let variants = if same_variants { "" } else { " and other shader variants" };
            trainer.record.notes.push(format!(
                "resumed after {} epochs on {}{variants}, begun on {old_adapter}: not bit-equal to a run that was \
                 never stopped",
                state.epoch, trainer.adapter
            ));
        }
        trainer.epoch = state.epoch;
        trainer.step = state.step_in_epoch;
        trainer.metrics = metrics;
        trainer.snapshot = Snapshot { parameters: last.parameters, m: state.m, v: state.v };
        trainer.network.restore(&trainer.snapshot);
        trainer.kept = kept;
        if last_is_best {
            trainer.save_kept()?;
        }
        folder.remove_summary()?;
        Ok(trainer)
    }

    fn new(
        gpu: &'a Gpu,
        config: &'a Config,
        material: &'a Material,
        folder: &'a RunFolder,
        variants: Variants,
    ) -> Result<Self> {
        let windows = material.windows();
        let split = &material.split;
        let longest_order = split.train.len().max(split.validation.len()).max(split.test.len());
        let options = Options {
            batch: config.batch,
            variants: variants.clone(),
            clip_norm: config.clip_norm,
            task: Task::Training,
            recipe: recipe::recipe(config, material),
        };
        let signals = material::signals(&material.recordings);
        let network = Network::new(gpu, &material.model, &signals, &windows, longest_order, &options)?;
        let adapter = gpu.info.to_string();
        let record = Record {
            adapter: adapter.clone(),
            best: None,
            tally: Tally::new(split.classes.len()),
            seconds: 0.0,
            origin: material.transfer.as_ref().map(|transfer| transfer.origin.clone()),
            notes: Vec::new(),
        };
        Ok(Self {
            gpu,
            config,
            material,
            folder,
            at_once: 1,
            adapter,
            variants,
            network,
            windows,
            epoch: 0,
            step: 0,
            record,
            metrics: Vec::new(),
            snapshot: Snapshot::default(),
            kept: Vec::new(),
            temperature: None,
            familiarity: Vec::new(),
        })
    }

    /// Notes on what happened to the run, such as a change of the adapter.
    pub fn notes(&self) -> &[String] {
        &self.record.notes
    }

    /// Epochs that are complete.
    pub fn epoch(&self) -> usize {
        self.epoch
    }

    /// Steps done of the epoch under way.
    pub fn step(&self) -> usize {
        self.step
    }

    /// The record of each complete epoch.
    pub fn metrics(&self) -> &[EpochRecord] {
        &self.metrics
    }

    /// The same as one of so many trainings at a time, which its summary will say.
    #[must_use]
    pub fn one_of(self, at_once: usize) -> Self {
        Self { at_once, ..self }
    }

    /// Trains to the end, or until `interrupted`.
    ///
    /// # Errors
    /// A loss or a parameter that is not finite, a lost device, a file that cannot be written. The last
    /// checkpoint stays as it was.
    pub fn run(
        &mut self,
        interrupted: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Event<'_>),
    ) -> Result<Outcome> {
        while !is_done(self.config, self.epoch, self.record.best) {
            let complete = !interrupted() && self.train_epoch(interrupted, observe)?;
            if !complete {
                self.save_last()?;
                return Ok(Outcome::Interrupted { epoch: self.epoch + 1, step: self.step });
            }
        }
        self.finish().map(|summary| Outcome::Finished(Box::new(summary)))
    }

    /// Trains the epoch under way to its end; false where it was interrupted before.
    fn train_epoch(
        &mut self,
        interrupted: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Event<'_>),
    ) -> Result<bool> {
        let begun = Instant::now();
        let Config { seed, batch, .. } = *self.config;
        let order = epoch_order(&self.material.split.train, seed, self.epoch as u64, self.config.balance);
        let order: Vec<u32> = order.into_iter().map(|index| index as u32).collect();
        let of = order.len().div_ceil(batch);
        let number = self.epoch + 1;
        let losses: Vec<f64> = self.metrics.iter().filter_map(|r| Some(r.validation?.loss)).collect();
        let learning_rates = self.config.scheduled_learning_rate().of_epoch(self.epoch, of, &losses);
        let epoch = Epoch {
            order: &order,
            first_step: self.step,
            optimizer_steps: (self.epoch * of + self.step) as u64,
            learning_rates: &learning_rates,
            seed,
        };
        let trained = self
            .network
            .train(&epoch, interrupted, &mut |done| observe(Event::Step { epoch: number, done, of }))?;
        let positions = &order[self.step * batch..];
        for ((&index, &loss), &predicted) in
            positions.iter().zip(&trained.rows.loss).zip(&trained.rows.predicted)
        {
            self.record.tally.add(self.windows[index as usize].label, predicted as usize, loss);
        }
        self.step = trained.steps;
        self.snapshot = trained.snapshot;
        if self.step < of {
            self.record.seconds += begun.elapsed().as_secs_f64();
            self.refuse_non_finite(&[&self.record.tally])?;
            return Ok(false);
        }

        let validation = self.classify(Part::Validation)?.tally;
        let test = if validation.figures().is_none() {
            self.classify(Part::Test)?.tally
        } else {
            self.empty_tally()
        };
        self.refuse_non_finite(&[&self.record.tally, &validation, &test])?;

        self.epoch = number;
        self.step = 0;
        let seconds = self.record.seconds + begun.elapsed().as_secs_f64();
        let record = EpochRecord {
            epoch: number,
            split: self.material.split.rule,
            train: self.record.tally.figures(),
            validation: validation.figures(),
            test: test.figures(),
            learning_rate: learning_rates[of - 1],
            seconds,
        };
        let loss = record.validation.map(|figures| figures.loss);
        let is_best = match (self.record.best.and_then(|best| best.loss), loss) {
            (Some(best), Some(loss)) => loss < best,
            _ => true,
        };
        if is_best {
            self.record.best = Some(Best { epoch: number, loss });
        }
        self.record.tally = self.empty_tally();
        self.record.seconds = 0.0;
        self.metrics.push(record);
        // In this order, a process that is killed in between can be resumed; see `resume`.
        self.folder.write_metrics(&self.metrics)?;
        self.save_last()?;
        if is_best {
            self.kept.clone_from(&self.snapshot.parameters);
            self.save_kept()?;
        }
        observe(Event::Epoch(&self.metrics[self.metrics.len() - 1]));
        Ok(true)
    }

    /// Classifies all parts with the kept model and writes the summary.
    fn finish(&mut self) -> Result<Summary> {
        self.network.set_parameters(&self.kept);
        let [train, validation, test] =
            [Part::Train, Part::Validation, Part::Test].map(|part| self.classify(part));
        let (train, validation, test) = (train?, validation?, test?);
        let Material { model, split, recordings, .. } = self.material;
        for classified in [&train, &validation, &test] {
            classified.refuse_non_finite(recordings)?;
        }
        let named = self.config.named_bearing()?;
        let seed = self.config.seed;
        let baselines = match self.material.rate {
            Some(rate) => Baselines::of(recordings, rate, split, model.window, named.as_ref(), seed)?,
            None => None, // recordings as they are, at different rates
        };
        let easier = |division: &Division| division.validation.is_some() && !division.leaky;
        let of_trained_bearings = split.divisions.iter().any(easier);
        let calibration = Calibration::of(&validation.scored, &test.scored)
            .map(|calibration| Calibration { of_trained_bearings, ..calibration });
        let used = calibration.as_ref().filter(|calibration| calibration.is_used());
        self.temperature = used.map(|calibration| calibration.temperature.value);
        self.familiarity.clone_from(&validation.familiarity);
        self.familiarity.sort_by(f64::total_cmp);
        self.save_kept()?;
        let rejection = Rejection::of(
            &self.familiarity,
            &test.familiarity,
            &self.familiarity_left_out()?,
            self.config.reject.unwrap_or(REJECT),
        );
        let mut notes = split.notes.clone();
        notes.extend(self.record.notes.iter().cloned());
        let summary = Summary {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            adapter: self.adapter.clone(),
            variants: variant_names(&self.variants),
            model: model.name.clone(),
            parameters: ParameterTable::new(model)?.count(),
            origin: self.record.origin.clone(),
            window: model.window,
            rate: self.material.rate,
            synthetic: self.config.data.is_none(),
            protocol: self.config.protocol,
            split: split.rule,
            held_out: split.held_out.clone(),
            leaky: split.leaky,
            divisions: split.divisions.clone(),
            notes,
            seed,
            epochs: self.epoch,
            best_epoch: self.record.best.map_or(0, |best| best.epoch),
            train_seconds: self.metrics.iter().map(|record| record.seconds).sum(),
            at_once: self.at_once,
            classes: split.classes.clone(),
            train: train.tally.figures(),
            validation: validation.tally.figures(),
            test: test.tally.figures(),
            confusion: test.tally.confusion().to_vec(),
            scores: Scores::of(&test.scored, &split.classes, recordings, seed),
            calibration,
            baselines,
            left_out: self.config.leave_out.clone().unwrap_or_default(),
            rejection,
        };
        self.folder.write_summary(&summary)?;
        Ok(summary)
    }

    /// What the network takes a part for, dropout off.
    fn classify(&mut self, part: Part) -> Result<Classified> {
        let range = self.range(part);
        let order: Vec<u32> = range.clone().map(|index| index as u32).collect();
        let rows =
            if order.is_empty() { Rows::default() } else { self.network.classify(&order, &mut |_| ())? };
        Ok(Classified::new(&self.windows[range], &rows, self.material.split.classes.len()))
    }

    /// How familiar the recordings of conditions that were left out are to the kept model; they are cut as the others.
    fn familiarity_left_out(&self) -> Result<Vec<f64>> {
        let Material { model, left_out, .. } = self.material;
        let Config { stride, windows: most, .. } = *self.config;
        let every = Cut { length: model.window, stride: stride.unwrap_or(model.window), most };
        familiarity(self.gpu, &self.checkpoint(self.kept.clone(), None), left_out, &every)
    }

    /// A part's place in the list of all windows.
    fn range(&self, part: Part) -> Range<usize> {
        let split = &self.material.split;
        let (train, validation) = (split.train.len(), split.train.len() + split.validation.len());
        match part {
            Part::Train => 0..train,
            Part::Validation => train..validation,
            Part::Test => validation..self.windows.len(),
        }
    }

    fn empty_tally(&self) -> Tally {
        Tally::new(self.material.split.classes.len())
    }

    fn refuse_non_finite(&self, tallies: &[&Tally]) -> Result<()> {
        let finite = self.snapshot.parameters.iter().all(|value| value.is_finite());
        if finite && tallies.iter().all(|tally| tally.is_finite()) {
            return Ok(());
        }
        let tensor = match self.network.first_non_finite()? {
            Some(name) => format!("first in {name}"),
            None => "though every parameter and gradient is finite".to_owned(),
        };
        let kept = match self.epoch {
            0 => "no epoch was complete".to_owned(),
            epoch => format!("{} stands after epoch {epoch}, which was good", self.folder.last().display()),
        };
        Err(Error::failed(format!(
            "epoch {}: the loss is not finite, {tensor}; {kept}. Train with a smaller --learning-rate (now {}) or \
             with --clip-norm 1",
            self.epoch + 1,
            self.config.learning_rate
        )))
    }

    fn save_last(&self) -> Result<()> {
        let Snapshot { parameters, m, v } = self.snapshot.clone();
        let steps = self.material.split.train.len().div_ceil(self.config.batch);
        let training = TrainingState {
            epoch: self.epoch,
            step_in_epoch: self.step,
            optimizer_steps: (self.epoch * steps + self.step) as u64,
            m,
            v,
            trainer: serde_json::to_value(&self.record).expect("every key of the record is a string"),
        };
        self.folder.write_checkpoint(&self.folder.last(), &self.checkpoint(parameters, Some(training)))
    }

    fn save_kept(&self) -> Result<()> {
        self.folder.write_checkpoint(&self.folder.model(), &self.checkpoint(self.kept.clone(), None))
    }

    fn checkpoint(&self, parameters: Vec<f32>, training: Option<TrainingState>) -> Checkpoint {
        Checkpoint {
            model: self.material.model.clone(),
            classes: self.material.split.classes.clone(),
            rate: self.material.rate,
            scaling: stored(self.material.scaling),
            temperature: self.temperature,
            familiarity: self.familiarity.clone(),
            seed: self.config.seed,
            variants: variant_names(&self.variants),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            parameters,
            training,
        }
    }
}

/// Whether all epochs are done, or there was no better one for `--patience` epochs.
fn is_done(config: &Config, epoch: usize, best: Option<Best>) -> bool {
    let stalled = config.patience > 0 && epoch - best.map_or(0, |best| best.epoch) >= config.patience;
    epoch >= config.epochs || stalled
}

/// Refuses to go on with a model, with recordings or a division of them, other than the run's.
fn refuse_other_material(material: &Material, folder: &RunFolder, last: &Checkpoint) -> Result<()> {
    let before = folder.read_split()?;
    let now = material.split.records(&material.recordings);
    let contents = |records: &[SplitRecord]| -> BTreeSet<(String, String, String)> {
        let content = |r: &SplitRecord| (r.recording.clone(), r.sha256.clone(), r.condition.clone());
        records.iter().map(content).collect()
    };
    let same_recordings = contents(&before) == contents(&now)
        && last.classes == material.split.classes
        && last.rate == material.rate;
    let mut other = Vec::new();
    if last.model != material.model {
        other.push("the model");
    }
    if Origin::of(last) != material.transfer.as_ref().map(|transfer| transfer.origin.clone()) {
        other.push("what it starts from");
    }
    if !same_recordings {
        other.push("the recordings");
    } else if before != now {
        other.push("their split (bearings, or the file split.csv)");
    }
    if same_recordings && before == now && last.scaling != stored(material.scaling) {
        other.push("the scaling");
    }
    if other.is_empty() {
        return Ok(());
    }
    Err(Error::input(format!(
        "{}: {} no longer what the run was started with: put back what was changed, or start a new run",
        folder.path().display(),
        match other[..] {
            [one] if one != "the recordings" => format!("{one} is"),
            _ => format!("{} are", other.join(" and ")),
        }
    )))
}
