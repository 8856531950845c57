//! A recording's waveform and envelope spectrum, with the fault frequencies of its bearing.

use std::path::Path;

use maud::{Markup, html};

use super::drawing::{Drawing, INK, file, number, text_width};
use super::plot::{COLOURS, FINE, round_step, tick};
use crate::data::Recording;
use crate::physics::{Bearing, Evidence, Fault, FaultEvidence};
use crate::{Result, write};

/// A panel, in user units.
const WIDTH: f64 = 900.0;
/// Left of a frame, where the values stand, and right of it.
const LEFT: f64 = 62.0;
const RIGHT: f64 = 8.0;
const FRAME: f64 = WIDTH - LEFT - RIGHT;
/// Above a frame, where the title stands.
const TITLE: f64 = 28.0;
/// Below a frame.
const BOTTOM: f64 = 46.0;
const WAVEFORM: f64 = 130.0;
const SPECTRUM: f64 = 250.0;
/// Height of the row of marks of a fault, above the spectrum.
const ROW: f64 = 20.0;
/// Least distance of the numbers of two marks.
const APART: f64 = 15.0;
/// Turns of the shaft that the waveform shows.
const TURNS: f64 = 6.0;
/// The spectrum goes as far as this many times the fastest fault frequency.
const REACH: f64 = 3.3;
/// Points of a curve.
const POINTS: usize = 1660;
const AXIS: &str = "#7d8996";
const GRID: &str = "#dde3e9";

/// Writes the drawing.
///
/// # Errors
/// If the file cannot be written.
pub fn write(
    path: &Path,
    recording: &Recording,
    rpm: f64,
    bearing: &Bearing,
    evidence: &Evidence,
) -> Result<()> {
    let name = recording.name.rsplit(['/', '\\']).next().unwrap_or_default();
    let title = format!("{name}: {}", verdict(evidence));
    let drawings = [waveform(recording, rpm), spectrum(bearing, evidence)];
    let rows: Vec<_> = drawings.into_iter().map(|drawing| (String::new(), vec![drawing])).collect();
    write::replace(path, file(&title, &rows).as_bytes())
}

/// What the evidence comes to, in words.
pub fn verdict(evidence: &Evidence) -> String {
    let threshold = evidence.threshold;
    let score = |wanted: Fault| evidence.faults.iter().find(|fault| fault.fault == wanted).map(|f| f.score);
    match evidence.verdict.and_then(|fault| Some((fault, score(fault)?))) {
        Some((Fault::Cage, score)) => {
            format!(
                "cage or ball, as only the cage's turns show (score {score:.1}; evidence from {threshold})"
            )
        }
        Some((fault, score)) => format!("{fault} (score {score:.1}; evidence from {threshold})"),
        None => format!("no evidence of a fault (no score reaches {threshold})"),
    }
}

/// A stretch from the middle of the recording.
fn waveform(recording: &Recording, rpm: f64) -> Drawing {
    let Recording { signal, rate, .. } = recording;
    let samples = ((TURNS * 60.0 / rpm * rate) as usize).clamp(2, signal.len());
    let first = (signal.len() - samples) / 2;
    let part = &signal[first..first + samples];
    let highest = part.iter().fold(0.0, |most: f64, x| most.max(f64::from(x.abs())));
    let step = round_step(highest / 2.0, &FINE);
    let up = |value: f64| WAVEFORM / 2.0 * (1.0 - value / (2.0 * step));
    let seconds = samples as f64 / rate;
    let ends: Vec<(f64, f64)> = extremes(part);
    let body = html! {
        text x="0" y="14" font-weight="600" { "Waveform, " (TURNS) " turns of the shaft" }
        g transform={ "translate(" (LEFT) " " (TITLE) ")" } {
            @for line in -2..=2 {
                @let value = step * f64::from(line);
                (level(up(value), &tick(value, step), line == 0))
            }
            (times(seconds, first as f64 / rate))
            (polyline(&ends, WAVEFORM, up))
            (below(WAVEFORM, "s"))
        }
    };
    let label = format!("Waveform of {}", recording.name);
    Drawing { label, width: WIDTH, height: TITLE + WAVEFORM + BOTTOM, body }
}

/// Least and highest of each stretch of `part`, as (share of the whole, value), so that no peak is lost.
fn extremes(part: &[f32]) -> Vec<(f64, f64)> {
    let stretch = part.len().div_ceil(POINTS / 2);
    let along = |index: usize| index as f64 / (part.len() - 1) as f64;
    if stretch == 1 {
        return part.iter().enumerate().map(|(index, x)| (along(index), f64::from(*x))).collect();
    }
    let both = |(index, values): (usize, &[f32])| {
        let least = values.iter().copied().fold(f32::INFINITY, f32::min);
        let most = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let x = along(index * stretch);
        [(x, f64::from(least)), (x, f64::from(most))]
    };
    part.chunks(stretch).enumerate().flat_map(both).collect()
}

fn spectrum(bearing: &Bearing, evidence: &Evidence) -> Drawing {
    let spectrum = &evidence.spectrum;
    let fastest = evidence.faults.iter().map(|fault| fault.frequency_hz).fold(0.0, f64::max);
    let bins = ((REACH * fastest / spectrum.step_hz) as usize).clamp(2, spectrum.amplitudes.len());
    let reach = (bins - 1) as f64 * spectrum.step_hz;
    let along = |hz: f64| FRAME * hz / reach;
    let shown = &spectrum.amplitudes[..bins];
    let highest = f64::from(shown.iter().copied().fold(0.0, f32::max));
    let step = round_step(highest / 4.0, &FINE);
    let up = |value: f64| SPECTRUM * (1.0 - value / (4.0 * step));
    // Of each stretch the highest value: a line is a bin wide.
    let stretch = bins.div_ceil(POINTS);
    let curve: Vec<(f64, f64)> = shown
        .chunks(stretch)
        .enumerate()
        .map(|(index, values)| {
            let x = (index * stretch) as f64 / (bins - 1) as f64;
            (x, values.iter().copied().fold(0.0, f32::max).into())
        })
        .collect();
    let band = evidence.band;
    let rows = ROW * evidence.faults.len() as f64;
    let hz_step = round_step(reach / 10.0, &FINE);
    let body = html! {
        text x="0" y="14" font-weight="600" {
            "Squared-envelope spectrum, " (number(band.low_hz.round())) " to " (number(band.high_hz.round()))
            " Hz, as a share of the mean"
        }
        g transform={ "translate(" (LEFT) " " (TITLE + rows) ")" } {
            @for line in 0..=4 {
                @let value = step * f64::from(line);
                (level(up(value), &tick(value, step), line == 0))
            }
            @for index in 0..=(reach / hz_step) as usize {
                @let hz = index as f64 * hz_step;
                (mark_below(along(hz), SPECTRUM, &tick(hz, hz_step)))
            }
            @for (row, fault) in evidence.faults.iter().enumerate() {
                (marks(fault, bearing, evidence, ROW * row as f64 - rows, &along))
            }
            (polyline(&curve, SPECTRUM, up))
            (below(SPECTRUM, "Hz"))
        }
    };
    let label = format!("Envelope spectrum with fault frequencies: {}", verdict(evidence));
    Drawing { label, width: WIDTH, height: TITLE + rows + SPECTRUM + BOTTOM, body }
}

/// The row of a fault: its symbol, the number of each harmonic, and a line through the spectrum below. Those of
/// the verdict stand where they were found; others, which may have locked onto its lines, where kinematics puts them.
fn marks(
    fault: &FaultEvidence,
    bearing: &Bearing,
    evidence: &Evidence,
    top: f64,
    along: &dyn Fn(f64) -> f64,
) -> Markup {
    let clear = evidence.verdict == Some(fault.fault);
    let slip = if clear { fault.slip } else { 0.0 };
    let frequency = bearing.order(fault.fault) * evidence.shaft_hz * (1.0 + slip);
    let colour = COLOURS[match fault.fault {
        Fault::InnerRace => 1,
        Fault::OuterRace => 0,
        Fault::Ball => 2,
        Fault::Cage => 3,
    }];
    let places: Vec<(usize, f64)> = (1..=fault.lines.len())
        .map(|harmonic| (harmonic, along(harmonic as f64 * frequency)))
        .take_while(|(_, x)| *x <= FRAME)
        .collect();
    let baseline = top + 13.0;
    let weight = if clear { "700" } else { "400" };
    html! {
        g fill=(colour) stroke=(colour) {
            text x="-10" y=(number(baseline)) text-anchor="end" font-weight=(weight) stroke="none" {
                (fault.fault.symbol())
            }
            @for (harmonic, x) in &places {
                @let name = format!("{harmonic}x");
                line x1=(number(*x)) x2=(number(*x)) y1="0" y2=(SPECTRUM)
                    stroke-width=(if clear { "1.6" } else { "1" }) stroke-opacity=(if clear { "0.75" } else { "0.4" })
                    stroke-dasharray=(if clear { "none" } else { "2 4" }) {}
                @if *harmonic == 1 || x - places[harmonic - 2].1 >= APART.max(text_width(&name)) {
                    text x=(number(*x)) y=(number(baseline)) text-anchor="middle" font-size="12" font-weight=(weight)
                        stroke="none" { (name) }
                }
            }
        }
    }
}

/// A line across the frame with its value.
fn level(y: f64, value: &str, axis: bool) -> Markup {
    html! {
        line.grid x1="0" x2=(FRAME) y1=(number(y)) y2=(number(y)) stroke=(if axis { AXIS } else { GRID }) {}
        text x="-7" y=(number(y + 4.5)) text-anchor="end" { (value) }
    }
}

fn mark_below(x: f64, height: f64, value: &str) -> Markup {
    html! {
        line.grid x1=(number(x)) x2=(number(x)) y1=(height) y2=(number(height + 4.0)) stroke=(AXIS) {}
        text x=(number(x)) y=(number(height + 18.0)) text-anchor="middle" { (value) }
    }
}

/// Seconds since the recording began.
fn times(seconds: f64, first: f64) -> Markup {
    let step = round_step(seconds / 8.0, &FINE);
    let from = (first / step).ceil() as u64;
    html! {
        @for index in from..=((first + seconds) / step) as u64 {
            @let time = index as f64 * step;
            (mark_below(FRAME * (time - first) / seconds, WAVEFORM, &tick(time, step)))
        }
    }
}

fn below(height: f64, unit: &str) -> Markup {
    html! { text x=(FRAME / 2.0) y=(number(height + 38.0)) text-anchor="middle" { (unit) } }
}

/// A curve of (share of the frame, value).
fn polyline(points: &[(f64, f64)], height: f64, up: impl Fn(f64) -> f64) -> Markup {
    let points: Vec<String> = points
        .iter()
        .map(|&(x, y)| format!("{},{}", number(FRAME * x), number(up(y).clamp(0.0, height))))
        .collect();
    html! {
        polyline.ink points=(points.join(" ")) fill="none" stroke=(INK) stroke-width="1" stroke-linejoin="round" {}
    }
}
