//! Which samples decided, as a drawing: the waveform on a ground that is coloured by attribution, below it the attribution
//! itself, and below that how often such samples come back, beside the bearing's fault frequencies.

use std::path::Path;

use maud::{Markup, html};

use super::drawing::{self, Drawing, INK, number, text_width, under};
use super::envelope::{self, Curve, Marks};
use super::frame::{self, BOTTOM, LEFT, TITLE, WIDTH, below, level, mark_below};
use super::plot::{COLOURS, marks};
use super::spectrum::REACH;
use crate::Result;
use crate::data::Recording;
use crate::physics::evidence::HARMONICS;
use crate::physics::{Bearing, Fault};
use crate::train::attribution::Attribution;
use crate::train::explanation::Explanation;
use crate::train::rhythm::Rhythm;
use crate::write::replace;

/// The frame of either drawing, in user units.
const FRAME: (f64, f64) = (frame::FRAME, 170.0);
/// Stripes of the ground at most: neighbours share one where a window has more samples.
const STRIPES: usize = 430;
/// The opacity of the strongest stripe: the waveform stays readable on it.
const STRONGEST: f64 = 0.85;
/// Colours of what speaks for the class and against it.
const FOR: &str = COLOURS[1];
const AGAINST: &str = COLOURS[0];

/// Writes what decided about `recording`, which is at the model's rate, to `path`; an earlier file is replaced. `machine` is
/// its bearing and speed in rpm, where these are known: then the fault frequencies stand in the spectrum.
///
/// # Errors
/// The file cannot be written.
pub fn write(
    path: &Path,
    explanation: &Explanation,
    recording: &Recording,
    machine: Option<&(Bearing, f64)>,
) -> Result<()> {
    let Attribution { class, rival, seconds, margin, .. } = &explanation.attribution;
    let title = format!("{class} over {rival} by a margin of {margin:.2}");
    let place = format!("{}, from {seconds:.3} s on", recording.name);
    let drawings = drawings(explanation, recording, machine).into_iter().map(|drawing| vec![drawing]);
    replace(path, drawing::file(&title, &under(place, drawings)).as_bytes())
}

/// The same as parts, to stand one below the other.
pub fn drawings(
    explanation: &Explanation,
    recording: &Recording,
    machine: Option<&(Bearing, f64)>,
) -> Vec<Drawing> {
    let Explanation { attribution, rhythm, .. } = explanation;
    let samples = &recording.signal[attribution.start..][..attribution.attributions.len()];
    let rate = recording.rate;
    let mut drawings = vec![waveform(attribution, samples, rate), bars(attribution, rate)];
    drawings.extend(rhythm.as_ref().map(|rhythm| spectra(rhythm, machine)));
    drawings
}

/// How often the samples that decide come back, with the fault frequencies of the machine.
fn spectra(rhythm: &Rhythm, machine: Option<&(Bearing, f64)>) -> Drawing {
    let Rhythm { windows, seconds, attribution, signal, .. } = rhythm;
    let marks: Vec<Marks> = machine.map_or(Vec::new(), |(bearing, rpm)| {
        let of = |fault| Marks {
            fault,
            hz: bearing.order(fault) * rpm / 60.0,
            harmonics: HARMONICS,
            clear: false,
        };
        Fault::ALL.map(of).into()
    });
    let fastest = marks.iter().map(|marks| marks.hz).fold(0.0, f64::max);
    let reach = if marks.is_empty() { f64::INFINITY } else { REACH * fastest };
    let title = format!("squared-envelope spectrum of {windows} windows in a row, {seconds:.2} s");
    let label = "How often the samples that decide come back".to_owned();
    let curves = [
        Curve { name: "of the signal", colour: None, dashed: true, spectrum: signal },
        Curve { name: "of the attribution", colour: Some(FOR), dashed: false, spectrum: attribution },
    ];
    envelope::draw(label, &title, &curves, &marks, reach)
}

/// The waveform; the ground shows by colour what speaks for the class and against it, and by its depth how much.
fn waveform(attribution: &Attribution, signal: &[f32], rate: f64) -> Drawing {
    let axis = Axis::over(signal);
    let samples = signal.len();
    let stripe = samples.div_ceil(STRIPES).max(1);
    let sums: Vec<f64> = (attribution.attributions.chunks(stripe))
        .map(|stripe| stripe.iter().map(|a| f64::from(*a)).sum())
        .collect();
    let largest = sums.iter().fold(0.0_f64, |largest, sum| largest.max(sum.abs()));
    let points: Vec<String> = (signal.iter().enumerate())
        .map(|(at, sample)| {
            format!("{},{}", number(along(at as f64 + 0.5, samples)), number(axis.up(f64::from(*sample))))
        })
        .collect();
    let inside = html! {
        @for (index, sum) in sums.iter().enumerate() {
            @let from = along((index * stripe) as f64, samples);
            @let to = along(((index + 1) * stripe).min(samples) as f64, samples);
            // The root makes weaker stripes visible; below a hundredth there is nothing to see.
            @let share = if largest > 0.0 { sum.abs() / largest } else { 0.0 };
            @if share > 0.01 {
                rect x=(format!("{from:.2}")) width=(format!("{:.2}", to - from)) y="0" height=(FRAME.1)
                    fill=(colour(*sum)) fill-opacity=(format!("{:.3}", STRONGEST * share.sqrt())) {}
            }
        }
        polyline.ink points=(points.join(" ")) fill="none" stroke=(INK) stroke-width="1"
            stroke-linejoin="round" {}
    };
    let title = "signal, in the recording's unit";
    let body = framed(title, &legend(attribution), &axis, samples, rate, &inside);
    drawing(format!("{title}, coloured by attribution"), body)
}

/// What each sample adds to the margin.
fn bars(attribution: &Attribution, rate: f64) -> Drawing {
    let values = &attribution.attributions;
    let axis = Axis::over(values.iter().chain(&[0.0]));
    let width = FRAME.0 / values.len() as f64;
    let inside = html! {
        @for (at, value) in values.iter().enumerate() {
            @let (a, b) = (axis.up(f64::from(*value)), axis.up(0.0));
            @if (a - b).abs() >= 0.05 {
                rect x=(format!("{:.2}", along(at as f64, values.len()))) width=(format!("{:.2}", width.max(0.8)))
                    y=(number(a.min(b))) height=(number((a - b).abs())) fill=(colour(f64::from(*value))) {}
            }
        }
    };
    let title = format!(
        "attribution: what each sample adds to the margin, from {:.2} at the baseline to {:.2}",
        attribution.baseline_margin, attribution.margin
    );
    let body = framed(&title, &html! {}, &axis, values.len(), rate, &inside);
    drawing(title, body)
}

fn drawing(label: String, body: Markup) -> Drawing {
    Drawing { label, width: WIDTH, height: TITLE + FRAME.1 + BOTTOM, body }
}

/// A title, what stands at its right end, and a frame with axes around `inside`.
fn framed(title: &str, legend: &Markup, axis: &Axis, samples: usize, rate: f64, inside: &Markup) -> Markup {
    let (width, height) = FRAME;
    let milliseconds = 1e3 * samples as f64 / rate;
    html! {
        text x="0" y="14" font-weight="600" { (title) }
        (legend)
        g transform={ "translate(" (LEFT) " " (TITLE) ")" } {
            @for (value, label) in marks(axis.low, axis.high, 4.0) { (level(axis.up(value), &label, false)) }
            (inside)
            (level(height, "", true))
            @for (value, label) in marks(0.0, milliseconds, 10.0) {
                (mark_below(width * value / milliseconds, height, &label))
            }
            (below(height, "time in the window, ms"))
        }
    }
}

/// What the colours are, at the right end of the title's line.
fn legend(attribution: &Attribution) -> Markup {
    let entries =
        [(FOR, format!("for {}", attribution.class)), (AGAINST, format!("for {}", attribution.rival))];
    let mut x = LEFT + FRAME.0;
    let mut placed = Vec::new();
    for (colour, name) in entries.into_iter().rev() {
        x -= text_width(&name) + 34.0;
        placed.push((x, colour, name));
    }
    html! {
        @for (x, colour, name) in placed {
            rect x=(number(x)) y="4" width="18" height="11" fill=(colour) fill-opacity=(STRONGEST) {}
            text x=(number(x + 24.0)) y="14" { (name) }
        }
    }
}

fn colour(value: f64) -> &'static str {
    if value > 0.0 { FOR } else { AGAINST }
}

/// From the left of the frame to sample `at` of so many.
fn along(at: f64, samples: usize) -> f64 {
    FRAME.0 * at / samples as f64
}

/// What a frame's height spans.
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    /// All of `values` with a little room.
    fn over<'a>(values: impl IntoIterator<Item = &'a f32>) -> Self {
        let ends =
            |(low, high): (f64, f64), value: &f32| (low.min(f64::from(*value)), high.max(f64::from(*value)));
        let (low, high) = values.into_iter().fold((f64::INFINITY, f64::NEG_INFINITY), ends);
        // A constant stands in the middle.
        let room = if high > low { 0.05 * (high - low) } else { 1.0 };
        Self { low: low - room, high: high + room }
    }

    fn up(&self, value: f64) -> f64 {
        FRAME.1 * (self.high - value) / (self.high - self.low)
    }
}
