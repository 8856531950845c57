//! `gpu-bearing train`: from recordings to a run's folder.

use std::path::PathBuf;

use gpu_bearing::data::split::Part;
use gpu_bearing::gpu::Gpu;
use gpu_bearing::nn::{ParameterTable, tuned};
use gpu_bearing::report::conclusion;
use gpu_bearing::report::figures::{confusion, figures, split_words};
use gpu_bearing::report::model_card;
use gpu_bearing::report::tensorboard::Events;
use gpu_bearing::shell::word;
use gpu_bearing::train::{Config, Event, Material, Origin, Outcome, RunFolder, Summary, Trainer, Transfer};
use gpu_bearing::{Error, Result};
use serde::Serialize;

use super::interrupt::catch_interrupts;
use super::options::Options;
use super::output::{self, Screen};
use super::progress::Progress;

/// Train a model on recordings, or on the embedded synthetic sample
#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)] // so that -1 is refused for what it is
pub(crate) struct Args {
    /// Read options from a TOML file, such as a run's config.toml; what the command line
    /// says goes before it [default: none]
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    config: Option<PathBuf>,
    /// The run's folder, new or empty [default: the first free one of runs/001, runs/002, ...]
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    out: Option<PathBuf>,
    /// Go on with the run in this folder, with its own options; only --epochs, --patience and --adapter may
    /// change [default: begin a new run]
    #[arg(long, value_name = "RUN")]
    resume: Option<PathBuf>,
    /// Print one JSON document to standard output, and all else to standard error
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    options: Options,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    run: String,
    #[serde(flatten)]
    summary: &'a Summary,
}

pub(crate) fn run(args: Args) -> Result<()> {
    let screen = Screen { json: args.json };
    args.options.check()?;
    let resumed = args.resume.as_deref().map(RunFolder::open).transpose()?;
    let mut config = match &resumed {
        Some(folder) => resumed_options(folder, args.options)?.validate()?,
        None => match &args.config {
            Some(file) => args.options.or(Options::read(file)?).validate()?,
            None => args.options.validate()?,
        },
    };
    let last = resumed.as_ref().map(RunFolder::read_last).transpose()?;
    let material = Material::load(&mut config, last.as_ref())?;
    let gpu = Gpu::open(config.adapter.as_deref())?;
    if resumed.is_none() {
        // Before a folder is made that would stay empty. A run that goes on has variants of its own.
        tuned::choose(&gpu.info, config.variant.as_deref())?;
    }
    let folder = match resumed {
        Some(folder) => folder,
        None => RunFolder::create(args.out.as_deref())?,
    };
    screen.line(format!("adapter  {}", gpu.info))?;
    describe(&config, &material, screen)?;
    screen.line("shaders  being compiled for this adapter")?;
    let trainer = match last {
        Some(last) => Trainer::resume(&gpu, &config, &material, &folder, last),
        None => Trainer::start(&gpu, &config, &material, &folder).inspect_err(|_| folder.discard_if_empty()),
    }?;
    folder.write_config(&config)?;
    for note in trainer.notes() {
        screen.line(format!("note     {note}"))?;
    }
    screen.line(format!("run      {}", folder.path().display()))?;
    let outcome = train(trainer, &config, &material, &folder, screen)?;
    if matches!(outcome, Outcome::Finished(_)) {
        model_card::write(&folder)?;
    }
    match outcome {
        Outcome::Finished(summary) if args.json => {
            output::json(&Report { run: folder.path().display().to_string(), summary: &summary })
        }
        Outcome::Finished(summary) => conclude(&summary, &folder),
        Outcome::Interrupted { epoch, step } => Err(Error::failed(format!(
            "interrupted in epoch {epoch} after {step} steps; go on with: {} train --resume {}",
            output::program(),
            word(folder.path())
        ))),
    }
}

/// The run's own options, with those that may change.
fn resumed_options(folder: &RunFolder, given: Options) -> Result<Options> {
    let Options { epochs, patience, ref adapter, .. } = given;
    let changed = Options { epochs, patience, adapter: adapter.clone(), ..Options::default() };
    let refused: Vec<String> =
        given.given().into_iter().filter(|flag| !changed.given().contains(flag)).collect();
    if !refused.is_empty() {
        return Err(Error::input(format!(
            "--resume {} goes on with the run's own options: leave out {}",
            folder.path().display(),
            refused.join(", ")
        )));
    }
    Ok(changed.or(Options::read(&folder.config())?))
}

/// Says what is trained on what.
fn describe(config: &Config, material: &Material, screen: Screen) -> Result<()> {
    let Material { model, recordings, left_out, split, rate, skipped, transfer, .. } = material;
    for (_, error) in skipped {
        screen.line(format!("skipped  {error}"))?;
    }
    let rate = match rate {
        Some(rate) => format!("{rate} Hz"),
        None => "not resampled".to_owned(),
    };
    let source = match &config.data {
        Some(folder) => folder.display().to_string(),
        None => "embedded sample, synthetic".to_owned(),
    };
    screen.line(format!(
        "data     {source}: {} recordings, {} classes ({}), {rate}",
        recordings.len(),
        split.classes.len(),
        split.classes.join(", ")
    ))?;
    let parts = [Part::Train, Part::Validation, Part::Test]
        .map(|part| format!("{} {part}", split.part(part).len()))
        .join(", ");
    screen.line(format!(
        "windows  {} samples every {}: {parts}",
        model.window,
        config.stride.unwrap_or(model.window)
    ))?;
    let leaky = if split.leaky { ", leaky: the same bearing is or may be on both sides" } else { "" };
    screen.line(format!("split    by {}, seed {}{leaky}", split.rule, split.seed))?;
    if !left_out.is_empty() {
        let conditions = config.leave_out.as_deref().unwrap_or_default().join(", ");
        screen
            .line(format!("left out {conditions}: {} recordings, to be told as unknown", left_out.len()))?;
    }
    if !split.held_out.is_empty() {
        let words: Vec<String> = split.held_out.iter().map(|group| split.rule.words(group)).collect();
        screen.line(format!("tested   {}", words.join(", ")))?;
    }
    for note in &split.notes {
        screen.line(format!("note     {note}"))?;
    }
    if !material.class_weights.is_empty() {
        let weight = |(class, weight): (&String, &f64)| format!("{class} {weight:.3}");
        let weights: Vec<String> = split.classes.iter().zip(&material.class_weights).map(weight).collect();
        screen.line(format!("weights  {}", weights.join(", ")))?;
    }
    let count = ParameterTable::new(model)?.count();
    let Some(Transfer { origin, .. }) = transfer else {
        return screen.line(format!("model    {}, {count} parameters", model.name));
    };
    let Origin { from, model: name, sha256, frozen, fresh, learning, .. } = origin;
    screen.line(format!("from     {}: {name}, parameters {}", from.display(), &sha256[..12]))?;
    for (what, layers) in [("frozen ", frozen), ("fresh  ", fresh)] {
        if !layers.is_empty() {
            screen.line(format!("{what}  {}", layers.join(", ")))?;
        }
    }
    screen.line(format!("model    {}, {count} parameters, of which {learning} learn", model.name))
}

/// Trains to the end or until Ctrl-C.
fn train(
    mut trainer: Trainer<'_>,
    config: &Config,
    material: &Material,
    folder: &RunFolder,
    screen: Screen,
) -> Result<Outcome> {
    let split = split_words(
        &format!("split by {}", material.split.rule),
        config.data.is_none(),
        material.split.leaky,
    );
    let mut events = if config.tensorboard {
        Some(Events::begin(folder.path(), &split, trainer.metrics())?)
    } else {
        None
    };
    let mut progress = Progress::begin(&trainer, config, material.split.train.len(), &split);
    let mut shown = Ok(());
    let outcome = trainer.run(catch_interrupts()?, &mut |event| match event {
        Event::Step { epoch, done, of } => progress.step(epoch, done, of),
        Event::Epoch(record) => {
            let printed = progress.epoch(record, screen);
            let added = events.as_mut().map_or(Ok(()), |events| events.add(record));
            if shown.is_ok() {
                shown = printed.and(added);
            }
        }
    });
    progress.end();
    shown.and(outcome)
}

fn conclude(summary: &Summary, folder: &RunFolder) -> Result<()> {
    let split = split_words(&format!("split by {}", summary.split), summary.synthetic, summary.leaky);
    output::line(format!(
        "\n{} epochs in {:.1} s; kept the model after epoch {}",
        summary.epochs, summary.train_seconds, summary.best_epoch
    ))?;
    if let Some(test) = &summary.test {
        output::line(format!("test     {} ({split}; {} windows)", figures(test), test.windows))?;
    }
    if let Some(scores) = &summary.scores {
        for line in conclusion::lines(scores, summary.calibration.as_ref(), &split) {
            output::line(line)?;
        }
        if let Some(baselines) = &summary.baselines {
            for line in conclusion::plain(baselines, scores, &split) {
                output::line(line)?;
            }
        }
    }
    if let Some(rejection) = &summary.rejection {
        output::line(conclusion::turned_away(rejection, &summary.left_out, &split))?;
    }
    for note in &summary.notes {
        output::line(format!("note     {note}"))?;
    }
    output::line(format!("\n{}\n", confusion(&summary.classes, &summary.confusion)))?;
    output::line(format!("run      {}", folder.path().display()))?;
    output::line(format!("card     {}", folder.model_card().display()))?;
    let (program, run) = (output::program(), word(folder.path()));
    output::line(format!("next     {program} predict {run} FILE..."))?;
    output::line(format!("         {program} eval {run} --data DIR"))
}
