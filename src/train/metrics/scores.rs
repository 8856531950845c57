//! What a set of test windows shows, all figures together: by window, by recording, as alarms.

use serde::{Deserialize, Serialize};

use super::alarms::{Alarms, alarms};
use super::bootstrap::{Interval, interval};
use super::by_grade::{GradeFigures, by_grade};
use super::confusion::{accuracy, balanced_accuracy, macro_f1};
use super::ranking::macro_auroc;
use super::scored::Scored;
use crate::data::Recording;
use crate::data::grade::Grade;
use crate::data::recording::bearings;

/// Figures over rows, which are windows or recordings; all unit-free, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// Number of rows.
    pub rows: usize,
    /// Share of rows whose class was found.
    pub accuracy: f64,
    /// Mean over the classes present of the share found in each.
    pub balanced_accuracy: f64,
    /// Mean F1 over the classes present or named.
    pub macro_f1: f64,
    /// Mean over the classes present of the area under the curve of one against the rest; none with one class.
    pub macro_auroc: Option<f64>,
}

impl Shown {
    /// Of `rows`; none without any.
    fn of(rows: &Scored) -> Option<Self> {
        let confusion = rows.confusion();
        Some(Self {
            rows: rows.len(),
            accuracy: accuracy(&confusion)?,
            balanced_accuracy: balanced_accuracy(&confusion)?,
            macro_f1: macro_f1(&confusion)?,
            macro_auroc: macro_auroc(rows).map(|auroc| auroc.mean),
        })
    }
}

/// All figures of a set of windows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// By window.
    pub windows: Shown,
    /// By recording: the mean log-probability of its windows decides.
    pub recordings: Shown,
    /// 95 % interval over bearings of the windows' balanced accuracy; none where a class has too few bearings for one.
    pub interval: Option<Interval>,
    /// By recording; none where no class is healthy.
    pub alarms: Option<Alarms>,
    /// By recording and grade; empty where no recording is graded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grades: Vec<GradeFigures>,
}

impl Scores {
    /// Of `windows`, each of one of `all` recordings; none without a window. The interval is drawn from `seed`.
    pub fn of(windows: &Scored, classes: &[String], all: &[Recording], seed: u64) -> Option<Self> {
        let recordings = windows.by_recording();
        let grades: Vec<Option<Grade>> = all.iter().map(|recording| recording.facts.grade).collect();
        Some(Self {
            windows: Shown::of(windows)?,
            recordings: Shown::of(&recordings)?,
            interval: interval(windows, &bearings(all), seed, |drawn| balanced_accuracy(&drawn.confusion())),
            alarms: alarms(&recordings, classes),
            grades: by_grade(&recordings, &grades),
        })
    }
}
