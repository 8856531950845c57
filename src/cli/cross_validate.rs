//! `gpu-bearing cross-validate`: one network, and every way to divide the recordings.

use std::path::PathBuf;

use gpu_bearing::gpu::Gpu;
use gpu_bearing::report::figures::{percent, split_words};
use gpu_bearing::report::{cross_validation as pages, folder};
use gpu_bearing::train::cross_validate::{self, CrossValidation, FoldResult};
use gpu_bearing::train::queue::Training;
use gpu_bearing::{Error, Result};

use super::options::{Options, absolute, refuse_non_utf8};
use super::output::{self, Screen};
use super::trainings::{self, Jobs};

/// Windows of a recording, where --windows does not say.
const WINDOWS: usize = 60;
/// Epochs, where --epochs does not say.
const EPOCHS: usize = 12;

/// Train the same network on one division of the recordings after the other, with plain classifiers beside it
///
/// Each fold is a run in a folder of its own, which `eval`, `predict` and `report` take. Interrupted, the same command
/// goes on where it was. Options are those of `train`.
#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct Args {
    /// What stays together in a split: bearing, fault-size, load, load-pairs (every load to every other), recording,
    /// time, window [default: all that are known of the recordings]
    #[arg(value_name = "SPLIT")]
    splits: Vec<String>,
    /// Folds of splits that are drawn; loads, fault sizes and few bearings take turns instead
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1000))]
    draws: u64,
    /// Folder for folds and page
    #[arg(long, value_name = "DIR", default_value = "cross-validation")]
    out: PathBuf,
    #[command(flatten)]
    pub(crate) jobs: Jobs,
    /// Print the figures as JSON, and all else to standard error
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    options: Options,
}

pub(crate) fn run(args: Args) -> Result<()> {
    let screen = Screen { json: args.json };
    let mut base = options(args.options)?.validate()?;
    refuse_non_utf8(&args.out)?;
    let folders = absolute(&args.out.join("folds"));
    let recordings = cross_validate::recordings(&mut base)?;
    let ladder = cross_validate::ladder(&recordings, &base, &args.splits, args.draws)?;
    let plan: Vec<(usize, usize)> = (ladder.iter().enumerate())
        .flat_map(|(rung, folds)| (0..folds.folds.len()).map(move |fold| (rung, fold)))
        .collect();
    let adapter = Gpu::open(base.adapter.as_deref())?.info;
    let at_once = args.jobs.at_once(&adapter, plan.len());

    let mut validation = CrossValidation {
        command: output::command(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        adapter: adapter.to_string(),
        synthetic: base.data.is_none(),
        model: base.model.clone().unwrap_or_default(),
        recordings: recordings.len(),
        classes: gpu_bearing::data::classes::classes(&recordings)?,
        most_windows: base.windows,
        most_epochs: base.epochs,
        folds: Vec::new(),
    };
    drop(recordings);
    screen.line(format!("adapter  {adapter}"))?;
    screen.line(format!("limits   {}", pages::limits(&validation)))?;
    screen.line(format!(
        "folds    {} in {}, {at_once} at a time",
        plan.len(),
        args.out.join("folds").display()
    ))?;
    let training = |&(rung, index): &(usize, usize)| Training {
        folder: folders.join(ladder[rung].folder(index)),
        config: cross_validate::config(&base, &ladder[rung].folds[index]),
        after: None,
    };
    let trainings: Vec<Training> = plan.iter().map(training).collect();
    let selector = base.adapter.as_deref();
    validation.folds = trainings::carry_out(selector, &trainings, at_once, "folds", screen, &|place| {
        let (rung, index) = plan[place];
        let fold = FoldResult::read(&ladder[rung], index, &folders)?;
        let line = line(&fold, validation.synthetic);
        Ok((fold, line))
    })?;
    for sheet in pages::sheets(&validation) {
        screen.line(format!("\n{}\n{}\n{}", sheet.title, sheet.table(), sheet.note))?;
    }
    let page =
        folder::write(&args.out.join("report"), &pages::page(&validation), &pages::files(&validation))?;
    screen.line(format!("\npage  {}", page.display()))?;
    if args.json { output::json(&validation) } else { Ok(()) }
}

/// The options of every fold. What folds differ in may not be given.
fn options(given: Options) -> Result<Options> {
    let refused: Vec<String> = (given.given().into_iter())
        .filter(|flag| ["--split", "--holdout", "--protocol", "--load", "--from"].contains(&flag.as_str()))
        .collect();
    if !refused.is_empty() {
        return Err(Error::input(format!(
            "cross-validate divides the recordings itself: leave out {}, and name the splits as in: cross-validate bearing \
             load",
            refused.join(", ")
        )));
    }
    Ok(Options {
        windows: given.windows.or(given.augment_shift.is_none().then_some(WINDOWS)),
        epochs: given.epochs.or(Some(EPOCHS)),
        ..given
    })
}

/// What a finished fold has come to.
fn line(fold: &FoldResult, synthetic: bool) -> String {
    let rule = fold.rung.strip_suffix("-pairs").unwrap_or(&fold.rung);
    let forest = fold.baselines.as_ref().map_or(String::new(), |baselines| {
        format!(", forest {}", percent(baselines.forest.windows.balanced_accuracy))
    });
    format!(
        "balanced test accuracy {}{forest} ({}), {:.0} s",
        percent(fold.network.windows.balanced_accuracy),
        split_words(&format!("split by {rule}"), synthetic, fold.leaky),
        fold.seconds
    )
}
