//! The ladder of splits as a drawing: what each classifier scores, rung by rung.

use maud::{Markup, html};

use super::drawing::{Drawing, INK, number, shortened};
use super::figures::percent;
use super::plot::{coloured, dash};
use crate::train::Statistic;
use crate::train::cross_validate::{Classifier, CrossValidation, FoldResult};
use crate::train::metrics::Scores;

/// The drawing's width, in user units.
const WIDTH: f64 = 440.0;
/// Left of the frame, where the classifiers' names stand.
const LEFT: f64 = 68.0;
/// The frame's width, 0 to 100 %; behind it stand the means.
const FRAME: f64 = 300.0;
/// Above the first rung: the title.
const TOP: f64 = 26.0;
/// A rung's name.
const HEAD: f64 = 26.0;
/// A classifier's row.
const ROW: f64 = 22.0;
/// Between two rungs.
const GAP: f64 = 10.0;
/// Below the last rung: labels and what the marks mean.
const BOTTOM: f64 = 56.0;
/// Half the height of a bar.
const HALF: f64 = 7.0;
/// Labels along the axis, in percent.
const LABELS: [u32; 6] = [0, 20, 40, 60, 80, 100];
/// Paper and ink behind a leaky rung, as a page marks it.
const LEAKY: (&str, &str) = ("#fff0e6", "#9a3412");
/// Characters of what is said against a rung: longer ones are cut.
const MOST_LETTERS: usize = 34;

/// Draws the balanced accuracy by window of every rung of `validation`: a bar to the mean over the folds, a line one
/// standard deviation to either side, a dot a fold. Leaky rungs stand on paper of their own.
pub fn draw(validation: &CrossValidation) -> Drawing {
    let rungs = validation.rungs();
    let mut places = Vec::new();
    let mut y = TOP;
    for rung in &rungs {
        places.push(y);
        y += HEAD + ROW * rows(validation, rung).len() as f64 + GAP;
    }
    let synthetic = if validation.synthetic { " (synthetic)" } else { "" };
    let body = html! {
        text x="0" y="14" font-weight="600" { "balanced accuracy by window, %" (synthetic) }
        @for (rung, top) in rungs.iter().zip(&places) { (behind(validation, rung, *top)) }
        @for label in LABELS {
            text x=(number(along(f64::from(label) / 100.0))) y=(number(y + 8.0)) text-anchor="middle" { (label) }
        }
        text x=(LEFT) y=(number(y + 30.0)) font-size="12" { "bar: mean over the folds, ± one standard deviation" }
        text x=(LEFT) y=(number(y + 47.0)) font-size="12" { "dot: a fold; dotted line: guessing" }
        @for (rung, top) in rungs.iter().zip(&places) { (self::rung(validation, rung, *top)) }
    };
    let label = "balanced accuracy of network and plain classifiers by split".to_owned();
    Drawing { label, width: WIDTH, height: y + BOTTOM, body }
}

/// The classifiers that were tested on a rung, with what they score.
fn rows(validation: &CrossValidation, rung: &str) -> Vec<(Classifier, Statistic)> {
    let of = |classifier| {
        let balanced = |scores: &Scores| Some(scores.windows.balanced_accuracy);
        Some((classifier, validation.statistic(rung, classifier, balanced)?))
    };
    Classifier::ALL.into_iter().filter_map(of).collect()
}

/// What stands behind a rung: its paper where it is leaky for a class, the lines of the axis, the line of guessing.
fn behind(validation: &CrossValidation, rung: &str, top: f64) -> Markup {
    let height = HEAD + ROW * rows(validation, rung).len() as f64 + 2.0;
    let [first, last] = [top + HEAD, top + height - 2.0].map(number);
    let chance = number(along(1.0 / validation.classes.len() as f64));
    html! {
        @if !validation.leaky_classes(rung).is_empty() {
            rect.paper x="0" y=(number(top)) width=(WIDTH) height=(number(height)) rx="4" fill=(LEAKY.0) {}
        }
        @for label in LABELS {
            @let x = number(along(f64::from(label) / 100.0));
            line.grid x1=(x) x2=(x) y1=(first) y2=(last) stroke=(if label == 0 { "#7d8996" } else { "#dde3e9" }) {}
        }
        line.ink x1=(chance) x2=(chance) y1=(first) y2=(last) stroke=(INK) stroke-dasharray="1 3" {}
    }
}

/// A rung's name and what is against it, then a row a classifier.
fn rung(validation: &CrossValidation, rung: &str, top: f64) -> Markup {
    let leaky = validation.leaky_classes(rung);
    let against = match leaky.len() {
        0 => String::new(),
        all if all == validation.classes.len() => "leaky".to_owned(),
        _ => format!("leaky for {}", leaky.iter().copied().collect::<Vec<_>>().join(", ")),
    };
    let folds = validation.of(rung).count();
    html! {
        text x="6" y=(number(top + 17.0)) font-weight="600" {
            (rung)
            tspan font-weight="400" { ", " (folds) @if folds == 1 { " fold" } @else { " folds" } }
        }
        @if !against.is_empty() {
            text.leaky x=(WIDTH - 6.0) y=(number(top + 17.0)) text-anchor="end" font-weight="600" fill=(LEAKY.1) {
                (shortened(&against, MOST_LETTERS)) title { (against) }
            }
        }
        @for (index, (classifier, statistic)) in rows(validation, rung).into_iter().enumerate() {
            (row(validation.of(rung), classifier, &statistic, top + HEAD + ROW * (index as f64 + 0.5)))
        }
    }
}

/// A classifier's bar, spread, dots and mean, around the height `y`.
fn row<'a>(
    folds: impl Iterator<Item = &'a FoldResult>,
    classifier: Classifier,
    statistic: &Statistic,
    y: f64,
) -> Markup {
    let Statistic { mean, deviation, .. } = *statistic;
    let index = classifier as usize;
    let ends = [mean - deviation, mean + deviation].map(|end| number(along(end.clamp(0.0, 1.0))));
    let height = number(y);
    let dots: Vec<(&FoldResult, f64)> =
        folds.filter_map(|fold| Some((fold, classifier.scores(fold)?.windows.balanced_accuracy))).collect();
    let bar = html! {
        rect x=(number(along(0.0))) y=(number(y - HALF)) width=(number(FRAME * mean)) height=(2.0 * HALF)
            fill-opacity="0.22" stroke-width="1" stroke-dasharray=(dash(index)) {}
        line x1=(ends[0]) x2=(ends[1]) y1=(height) y2=(height) stroke-width="2" {}
        @for (fold, share) in dots {
            circle cx=(number(along(share))) cy=(height) r="3" stroke="none" {
                title { (fold.run) ", " (classifier.name()) ": " (percent(share)) }
            }
        }
    };
    let short = if classifier == Classifier::Logistic { "logistic" } else { classifier.name() };
    let short = short.strip_prefix("random ").unwrap_or(short);
    html! {
        text x="6" y=(number(y + 4.5)) { (short) }
        (coloured(index, &bar))
        text x=(WIDTH - 6.0) y=(number(y + 4.5)) text-anchor="end" { (percent(mean)) }
    }
}

fn along(share: f64) -> f64 {
    LEFT + FRAME * share
}
