//! A recording's waveform and envelope spectrum, with the fault frequencies of its bearing.

use std::path::Path;

use maud::{Markup, html};

use super::drawing::{Drawing, file};
use super::envelope::{Curve, Marks, draw};
use super::frame::{BOTTOM, FRAME, LEFT, POINTS, TITLE, WIDTH, below, level, mark_below, polyline};
use super::plot::{FINE, round_step, tick};
use crate::data::Recording;
use crate::physics::{Bearing, Evidence, Fault, FaultEvidence};
use crate::{Result, write};

/// Height of the waveform's frame, in user units.
const WAVEFORM: f64 = 130.0;
/// Turns of the shaft that the waveform shows.
const TURNS: f64 = 6.0;
/// The spectrum goes as far as this many times the fastest fault frequency.
pub(super) const REACH: f64 = 3.3;

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
            (polyline(&ends, WAVEFORM, None, false, up))
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

/// The envelope spectrum of the most impulsive band, with the lines of every fault.
pub(super) fn spectrum(bearing: &Bearing, evidence: &Evidence) -> Drawing {
    let fastest = evidence.faults.iter().map(|fault| fault.frequency_hz).fold(0.0, f64::max);
    let band = evidence.band;
    let title = format!(
        "Squared-envelope spectrum, {:.0} to {:.0} Hz, as a share of the mean",
        band.low_hz, band.high_hz
    );
    let label = format!("Envelope spectrum with fault frequencies: {}", verdict(evidence));
    let curve = Curve { name: "", colour: None, dashed: false, spectrum: &evidence.spectrum };
    let marks: Vec<Marks> = evidence.faults.iter().map(|fault| marks(fault, bearing, evidence)).collect();
    draw(label, &title, &[curve], &marks, REACH * fastest)
}

/// The lines of a fault: those of the verdict stand where they were found; others, which may have locked onto its lines,
/// where kinematics puts them.
fn marks(fault: &FaultEvidence, bearing: &Bearing, evidence: &Evidence) -> Marks {
    let clear = evidence.verdict == Some(fault.fault);
    let slip = if clear { fault.slip } else { 0.0 };
    let hz = bearing.order(fault.fault) * evidence.shaft_hz * (1.0 + slip);
    Marks { fault: fault.fault, hz, harmonics: fault.lines.len(), clear }
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
