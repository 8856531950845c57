//! Confidence against the share of right answers as a drawing: bars on the diagonal are honest, bars below it too sure.

use maud::html;

use super::drawing::{Drawing, INK, number};
use super::figures::percent;
use super::plot::COLOURS;
use crate::train::metrics::calibration::Reliability;

/// The drawing's width, in user units: as wide as a plot.
const WIDTH: f64 = 400.0;
/// The frame, 0 to 100 % both ways.
const FRAME: (f64, f64) = (345.0, 230.0);
/// Left of the frame.
const LEFT: f64 = 42.0;
/// Above the frame: title, error, legend and counts.
const TOP: f64 = 84.0;
/// Below the frame.
const BOTTOM: f64 = 46.0;
/// Between two bars.
const GAP: f64 = 2.0;
/// The opacity of a bar: grid and lines stay visible through it.
const SHADE: f64 = 0.55;
/// Labels along each axis, in percent.
const LABELS: [u32; 6] = [0, 20, 40, 60, 80, 100];

/// Draws the bins of `reliability`, with their counts above them. `what` says of what they are, as in `test windows at
/// temperature 1.8`; `split` stands beside it, in words, as [`super::page::Split::words`] gives it.
pub fn draw(what: &str, split: &str, reliability: &Reliability) -> Drawing {
    let (width, height) = FRAME;
    let each = width / reliability.bins.len() as f64;
    let up = |share: f64| number(height * (1.0 - share));
    let filled =
        reliability.bins.iter().enumerate().filter_map(|(index, bin)| {
            Some((each * index as f64, bin.count, bin.confidence?, bin.accuracy?))
        });
    let body = html! {
        text x="0" y="14" font-weight="600" { (what) }
        text x="0" y="32" font-size="12" { "calibration error " (percent(reliability.error)) " (" (split) ")" }
        rect.cell x="0" y="43" width="12" height="12" rx="2" fill=(COLOURS[0]) fill-opacity=(SHADE) {}
        text x="18" y="53.5" { "right answers, %" }
        line.c1 x1="142" x2="160" y1="49" y2="49" stroke=(COLOURS[1]) stroke-width="3" {}
        text x="166" y="53.5" { "mean confidence, %" }
        g transform={ "translate(" (LEFT) " " (TOP) ")" } {
            @for label in LABELS {
                @let share = f64::from(label) / 100.0;
                @let along = number(width * share);
                line.grid x1="0" x2=(width) y1=(up(share)) y2=(up(share))
                    stroke=(if label == 0 { "#7d8996" } else { "#dde3e9" }) {}
                text x="-7" y=(number(height * (1.0 - share) + 4.5)) text-anchor="end" { (label) }
                line.grid x1=(along) x2=(along) y1=(height) y2=(height + 4.0) stroke="#7d8996" {}
                text x=(along) y=(height + 18.0) text-anchor="middle" { (label) }
            }
            text x=(width / 2.0) y=(height + 38.0) text-anchor="middle" { "confidence, %" }
            @for (x, count, confidence, accuracy) in filled {
                g {
                    title {
                        (count) " with a confidence of " (percent(confidence)) " on average: " (percent(accuracy)) " right"
                    }
                    rect.cell x=(number(x + GAP / 2.0)) y=(up(accuracy)) width=(number(each - GAP))
                        height=(number(height * accuracy)) fill=(COLOURS[0]) fill-opacity=(SHADE) {}
                    line.c1 x1=(number(x + GAP / 2.0)) x2=(number(x + each - GAP / 2.0)) y1=(up(confidence))
                        y2=(up(confidence)) stroke=(COLOURS[1]) stroke-width="3" {}
                    text x=(number(x + each / 2.0)) y="-5" text-anchor="middle" font-size="9.5" { (short(count)) }
                }
            }
            line.ink x1="0" y1=(height) x2=(width) y2="0" stroke=(INK) stroke-dasharray="4 4" {}
        }
    };
    let label = format!("{what}: right answers over confidence");
    Drawing { label, width: WIDTH, height: TOP + height + BOTTOM, body }
}

/// A count in at most four characters, which is as much as there is room for.
fn short(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        10_000..1_000_000 => format!("{}k", count / 1000),
        _ => format!("{}M", count / 1_000_000),
    }
}
