//! Many runs, several at a time.
//!
//! The steps of one training wait for each other, and every launch for its last workgroup; trainings side by side fill
//! these gaps. A run's numbers do not depend on what runs beside it.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::carry_out::{carry_out, refuse_other_options};
use super::{Config, Event, Outcome, RunFolder, Summary};
use crate::Result;
use crate::gpu::Gpu;

/// A run that is to be carried out.
#[derive(Debug, Clone)]
pub struct Training {
    /// Its folder.
    pub folder: PathBuf,
    /// Its configuration.
    pub config: Config,
    /// The place in the queue of the run that must be finished before, if there is one.
    pub after: Option<usize>,
}

impl Training {
    /// It goes by the name of its folder.
    pub fn name(&self) -> Cow<'_, str> {
        self.folder.file_name().unwrap_or_default().to_string_lossy()
    }
}

/// What becomes of a run in the queue.
#[derive(Debug)]
pub enum Stage {
    /// It was taken up.
    Begun,
    /// As [`Event::Step`].
    Step {
        /// From 1.
        epoch: usize,
        /// Steps done.
        done: usize,
        /// Steps in an epoch.
        of: usize,
    },
    /// It is finished, now or long ago.
    Finished(Box<Summary>),
    /// It was interrupted in this epoch, from 1, and stands as it was then.
    Interrupted(usize),
}

/// What is left of a queue.
struct Waiting {
    /// Places, in order.
    places: Vec<usize>,
    /// Of every place whether its run is finished.
    finished: Vec<bool>,
}

impl Waiting {
    /// The first run that need not wait for another one.
    fn next(&mut self, trainings: &[Training]) -> Option<usize> {
        let ready = |place: &usize| trainings[*place].after.is_none_or(|before| self.finished[before]);
        let index = self.places.iter().position(ready)?;
        Some(self.places.remove(index))
    }
}

/// Asks all trainings to end when one has, or who looks on, in a panic: nobody is to wait hours for its message.
struct StopOnPanic<'a>(&'a AtomicBool);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Brings all `trainings` to their ends, in their order, `at_once` at a time (at least 1), each of these on a device of its
/// own of the adapter that `selector` names: one that is finished is not run again, one that was interrupted goes on.
/// `observe` is told in this thread what becomes of the run at a place. Once `interrupted` says so, or a run or `observe`
/// fails, those under way are saved as they stand and no other begins. Whether all were finished, `observe` has been told.
///
/// # Errors
/// A folder holds a run with other options, before any training begins; otherwise the first error of [`Gpu::open`], of a
/// run, with its name, or of `observe`.
pub fn carry_out_all(
    selector: Option<&str>,
    trainings: &[Training],
    at_once: usize,
    interrupted: &(dyn Fn() -> bool + Sync),
    observe: &mut dyn FnMut(usize, Stage) -> Result<()>,
) -> Result<()> {
    for Training { folder, config, .. } in trainings {
        // A folder without a configuration is one whose run was not begun yet.
        if let Ok(begun) = RunFolder::open(folder) {
            refuse_other_options(&begun, config)?;
        }
    }
    let places = (0..trainings.len()).collect();
    let waiting = Mutex::new(Waiting { places, finished: vec![false; trainings.len()] });
    let failed = AtomicBool::new(false);
    let stop = || failed.load(Ordering::Relaxed) || interrupted();
    let (report, reports) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..at_once {
            let (report, waiting, failed, stop) = (report.clone(), &waiting, &failed, &stop);
            scope.spawn(move || {
                let _stop = StopOnPanic(failed);
                if let Err(error) = work(selector, trainings, at_once, waiting, stop, &report) {
                    failed.store(true, Ordering::Relaxed);
                    drop(report.send(Err(error)));
                }
            });
        }
        drop(report);
        let _stop = StopOnPanic(&failed);
        let mut first = Ok(());
        for told in reports {
            let seen = told.and_then(|(place, stage)| observe(place, stage));
            if seen.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
            first = first.and(seen);
        }
        first
    })
}

/// Takes up one run after the other until none is ready: where one waits for a run under way, who carries that out goes on
/// with it.
fn work(
    selector: Option<&str>,
    trainings: &[Training],
    at_once: usize,
    waiting: &Mutex<Waiting>,
    stop: &dyn Fn() -> bool,
    report: &Sender<Result<(usize, Stage)>>,
) -> Result<()> {
    let gpu = Gpu::open(selector)?;
    let waiting = || waiting.lock().unwrap_or_else(PoisonError::into_inner);
    let next = || if stop() { None } else { waiting().next(trainings) };
    while let Some(place) = next() {
        // Whoever listens does so until the last report.
        let tell = |stage: Stage| drop(report.send(Ok((place, stage))));
        tell(Stage::Begun);
        let Training { folder, config, .. } = &trainings[place];
        let outcome = carry_out(&gpu, config.clone(), folder, at_once, stop, &mut |event| {
            if let Event::Step { epoch, done, of } = event {
                tell(Stage::Step { epoch, done, of });
            }
        })
        .map_err(|error| error.within(trainings[place].name()))?;
        match outcome {
            Outcome::Finished(summary) => {
                waiting().finished[place] = true;
                tell(Stage::Finished(summary));
            }
            Outcome::Interrupted { epoch, .. } => tell(Stage::Interrupted(epoch)),
        }
    }
    Ok(())
}
