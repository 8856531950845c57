//! The trainings behind `reproduce` and `cross-validate`: several at a time, with what is shown meanwhile.

use std::num::NonZero;
use std::thread::available_parallelism;

use gpu_bearing::gpu::adapter::AdapterInfo;
use gpu_bearing::report::model_card;
use gpu_bearing::train::RunFolder;
use gpu_bearing::train::queue::{Stage, Training, carry_out_all};
use gpu_bearing::{Error, Result};

use super::interrupt::catch_interrupts;
use super::output::{self, Screen};
use super::progress::Trainings;

/// Without `--jobs`, not more than this: where no kernel is compiled yet, each training compiles them with threads and
/// memory of its own.
const MOST: usize = 8;

/// How many trainings run side by side.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Jobs {
    /// Trainings at a time; each ends as it would alone [default: one a core on a software adapter, at most 8, otherwise 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    jobs: Option<u64>,
}

impl Jobs {
    /// Whether only one training at a time was asked for.
    pub(crate) fn one(self) -> bool {
        self.jobs == Some(1)
    }

    /// How many of the `trainings` at a time on this adapter.
    pub(crate) fn at_once(self, adapter: &AdapterInfo, trainings: usize) -> usize {
        let most = match self.jobs {
            Some(jobs) => jobs as usize,
            None if adapter.is_software() => available_parallelism().map_or(1, NonZero::get).min(MOST),
            None => 1,
        };
        most.min(trainings)
    }
}

/// Carries out all `trainings`, `at_once` at a time on the adapter that `selector` names; `things` is what they are, in the
/// plural, and `finished` reads what has come of the one at a place, and says it in a line. Returns what was read, in their
/// order.
///
/// # Errors
/// As [`carry_out_all`], or Ctrl-C.
pub(crate) fn carry_out<T>(
    selector: Option<&str>,
    trainings: &[Training],
    at_once: usize,
    things: &str,
    screen: Screen,
    finished: &dyn Fn(usize) -> Result<(T, String)>,
) -> Result<Vec<T>> {
    let interrupted = catch_interrupts()?;
    let of = trainings.len();
    let mut progress = Trainings::new(things, trainings, at_once);
    let mut results: Vec<Option<T>> = trainings.iter().map(|_| None).collect();
    let mut under_way = Vec::new();
    let outcome = carry_out_all(selector, trainings, at_once, interrupted, &mut |place, stage| {
        let name = trainings[place].name();
        match stage {
            Stage::Begun => progress.begin(place),
            Stage::Step { epoch, done, of } => progress.step(place, epoch, done, of),
            Stage::Finished(summary) => {
                model_card::write(&RunFolder::open(&trainings[place].folder)?)?;
                let (result, line) = finished(place)?;
                results[place] = Some(result);
                let number = results.iter().flatten().count();
                let line = format!("{number:>3}/{of}  {name}: {line}");
                progress.finish(place, summary.train_seconds, line, screen)?;
            }
            Stage::Interrupted(epoch) => under_way.push(format!("{name} (epoch {epoch})")),
        }
        Ok(())
    });
    progress.end();
    outcome?;
    let results: Vec<T> = results.into_iter().flatten().collect();
    if results.len() == of {
        return Ok(results);
    }
    let within = if under_way.is_empty() { String::new() } else { format!(" in {}", under_way.join(", ")) };
    Err(Error::failed(format!(
        "interrupted{within}: {} of {of} {things} are finished; go on with: {}",
        results.len(),
        output::command()
    )))
}
