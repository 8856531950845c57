//! What a test shows beyond loss and accuracy, a line each: further figures, by recording, calibration, plain classifiers,
//! what is turned away. Every line ends with its split.

use super::figures::percent;
use super::scores::{alarm_counts, left_so, share, unresolved};
use crate::train::metrics::Scores;
use crate::train::metrics::bootstrap::LEAST_BEARINGS;
use crate::train::metrics::by_grade::GradeFigures;
use crate::train::metrics::calibration::Calibration;
use crate::train::metrics::unknown::Rejection;
use crate::train::{Baseline, Baselines};

/// What stands before a line that goes on with the one above.
const SAME: &str = "         ";

/// The lines below that of the test's accuracy. `split` is in words, as [`super::figures::split_words`] gives it.
pub fn lines(scores: &Scores, calibration: Option<&Calibration>, split: &str) -> Vec<String> {
    let mut lines = vec![
        format!("{SAME}by window: {} ({split})", by_window(scores)),
        format!("{SAME}by recording: {} ({split})", by_recording(scores)),
    ];
    if !scores.grades.is_empty() {
        lines.push(format!("{SAME}right by grade: {} ({split})", by_grade(scores)));
    }
    lines.push(format!("{SAME}calibration: {} ({split})", in_words(calibration)));
    lines
}

/// How many recordings were found of those whose fault experts see, and of those where they do not.
fn by_grade(scores: &Scores) -> String {
    let of = |figures: &GradeFigures| {
        let GradeFigures { grade, right, of } = figures;
        format!("{right} of {of} {grade} ({})", grade.meaning())
    };
    scores.grades.iter().map(of).collect::<Vec<_>>().join(", ")
}

fn by_window(scores: &Scores) -> String {
    let shown = &scores.windows;
    let interval = match scores.interval {
        Some(interval) => format!(
            "balanced accuracy {} to {} in 95 % of draws of other bearings",
            percent(interval.low),
            percent(interval.high)
        ),
        None => format!("no interval: fewer than {LEAST_BEARINGS} known bearings in a class"),
    };
    let auroc = shown.macro_auroc.map_or("none".to_owned(), percent);
    format!("macro F1 {}, macro AUROC {auroc}; {interval}", percent(shown.macro_f1))
}

fn by_recording(scores: &Scores) -> String {
    let shown = &scores.recordings;
    let right = (shown.accuracy * shown.rows as f64).round();
    let alarms = match alarm_counts(scores) {
        Some([false_alarms, missed]) => format!("false alarms {false_alarms}, missed faults {missed}"),
        None => "no alarms, since no class is called normal or healthy".to_owned(),
    };
    format!(
        "{right} of {} right, balanced accuracy {}; {alarms}",
        shown.rows,
        percent(shown.balanced_accuracy)
    )
}

fn in_words(calibration: Option<&Calibration>) -> String {
    let Some(calibration) = calibration else {
        return "confidences are not calibrated, since there is no temperature to go by from validation windows"
            .to_owned();
    };
    let Calibration { temperature, before, after, .. } = calibration;
    if !calibration.is_used() {
        return format!("expected error {}; left so, since {}", percent(before.error), left_so(calibration));
    }
    format!(
        "expected error {} before, {} after at temperature {:.2}, fitted to validation windows",
        percent(before.error),
        percent(after.error),
        temperature.value
    )
}

/// What the plain classifiers score on the same division, and whether they are ahead of the network's `scores`.
pub fn plain(baselines: &Baselines, scores: &Scores, split: &str) -> Vec<String> {
    let of = |(kind, plain): (Baseline, &Scores)| {
        let ahead = plain.windows.balanced_accuracy > scores.windows.balanced_accuracy;
        format!(
            "{SAME}{kind}: balanced accuracy {} by window, {} by recording{} ({split})",
            percent(plain.windows.balanced_accuracy),
            percent(plain.recordings.balanced_accuracy),
            if ahead { ", ahead of the network" } else { "" }
        )
    };
    let fault_frequencies = if baselines.fault_frequencies { "with" } else { "without" };
    let given = format!(
        "plain    classifiers on features of {} samples, {fault_frequencies} fault frequencies",
        baselines.samples
    );
    std::iter::once(given).chain(baselines.by_kind().map(of)).collect()
}

/// What is turned away of known recordings, and of those of the conditions `unknown`, which the model was not to know.
pub fn turned_away(rejection: &Rejection, unknown: &[String], split: &str) -> String {
    let mut words = format!(
        "unknown  at --reject {}: {} of {} known recordings turned away",
        share(rejection.most),
        rejection.known.count,
        rejection.known.of
    );
    if rejection.unknown.of > 0 {
        words += &format!(
            ", and {} of {} of {}, which it was not to know",
            rejection.unknown.count,
            rejection.unknown.of,
            unknown.join(", ")
        );
    }
    if let Some(auroc) = rejection.auroc {
        words += &format!("; AUROC {}", percent(auroc));
    }
    words += &format!(" ({split})");
    words += &unresolved(rejection.validation.of, rejection.most)
        .map_or(String::new(), |why| format!("\n{SAME}{why}"));
    words
}
