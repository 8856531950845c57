//! Learning curves: loss and accuracy over the epochs, of one run by part or of several runs together.

use super::page::Split;
use super::plot::{Curve, Panel, Scale};
use super::runs::Run;
use crate::train::{EpochRecord, Figures};

/// Takes a part's figures out of an epoch.
type Part = fn(&EpochRecord) -> Option<Figures>;

/// What watches the epochs: validation comes first, which has the more striking colour.
const PARTS: [(&str, Part); 3] =
    [("validation", |epoch| epoch.validation), ("test", |epoch| epoch.test), ("train", |epoch| epoch.train)];

/// Loss and accuracy of a run by part, with the kept epoch; `highest_loss` as [`highest_loss`] gives it.
pub fn of_run(run: &Run, highest_loss: f64) -> [Panel; 2] {
    let curves = |value: fn(&Figures) -> f64| {
        let curve = |(name, part): (&str, Part)| points(run, part, value).map(|points| named(name, points));
        PARTS.into_iter().filter_map(curve).collect::<Vec<_>>()
    };
    let kept = run.summary.best_epoch;
    panels(curves(loss), curves(accuracy), highest_loss, Some(&run.split()), Some(kept))
}

/// Loss and accuracy of all runs over the windows that watched their epochs: those that validate, or the test
/// windows where none does.
pub fn of_runs(runs: &[Run]) -> [Panel; 2] {
    let curves = |value: fn(&Figures) -> f64| {
        let curve = |run: &Run| {
            let (part, points) =
                PARTS.into_iter().find_map(|(name, part)| Some((name, points(run, part, value)?)))?;
            Some(named(&format!("{}: {part} ({})", run.name, run.split().words()), points))
        };
        runs.iter().filter_map(curve).collect::<Vec<_>>()
    };
    let (losses, accuracies) = (curves(loss), curves(accuracy));
    let highest = Panel::highest(&losses);
    panels(losses, accuracies, highest, None, None)
}

/// The highest loss of any part of any run: the common scale of their panels.
pub fn highest_loss(runs: &[Run]) -> f64 {
    let parts = |record: &EpochRecord| [record.train, record.validation, record.test].into_iter().flatten();
    let losses = runs.iter().flat_map(|run| run.metrics.iter().flat_map(parts)).map(|figures| figures.loss);
    losses.fold(0.0, f64::max)
}

fn panels(
    losses: Vec<Curve>,
    accuracies: Vec<Curve>,
    highest_loss: f64,
    split: Option<&Split>,
    kept: Option<usize>,
) -> [Panel; 2] {
    let panel = |title: String, top, curves| Panel {
        title,
        x: "epoch".to_owned(),
        scale: Scale::Counted,
        top,
        curves,
        mark: kept.map(|epoch| (epoch as f64, format!("kept: {epoch}"))),
    };
    let split = split.map_or_else(String::new, |split| format!(" ({})", split.words()));
    [
        panel("loss, nats".to_owned(), highest_loss, losses),
        panel(format!("accuracy, %{split}"), 100.0, accuracies),
    ]
}

fn loss(figures: &Figures) -> f64 {
    figures.loss
}

fn accuracy(figures: &Figures) -> f64 {
    100.0 * figures.accuracy
}

fn named(name: &str, points: Vec<(f64, f64)>) -> Curve {
    Curve { name: name.to_owned(), points }
}

/// A value over the epochs that have this part; none where no epoch has it.
fn points(run: &Run, part: Part, value: fn(&Figures) -> f64) -> Option<Vec<(f64, f64)>> {
    let point = |record: &EpochRecord| Some((record.epoch as f64, value(&part(record)?)));
    let points: Vec<(f64, f64)> = run.metrics.iter().filter_map(point).collect();
    (!points.is_empty()).then_some(points)
}
