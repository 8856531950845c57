//! Squared-envelope spectra in a frame, with the fault frequencies of a bearing in rows above.

use maud::{Markup, html};

use super::drawing::{Drawing, INK, number, text_width};
use super::frame::{
    BOTTOM, FRAME, LEFT, POINTS, RIGHT, TITLE, WIDTH, below, dash, level, mark_below, polyline,
};
use super::plot::{COLOURS, FINE, round_step, tick};
use crate::physics::Fault;
use crate::physics::envelope::Spectrum;

/// A frame's height.
const HEIGHT: f64 = 250.0;
/// Height of a row of marks.
const ROW: f64 = 20.0;
/// Least distance of the numbers of two marks.
const APART: f64 = 15.0;

/// A spectrum to draw.
pub struct Curve<'a> {
    /// What it is of, for the legend; empty where there is only one.
    pub name: &'a str,
    /// Its colour; none: that of text.
    pub colour: Option<&'static str>,
    /// Whether its line is dashed, so that print tells it from another one.
    pub dashed: bool,
    /// Its values.
    pub spectrum: &'a Spectrum,
}

/// The lines of a fault.
pub struct Marks {
    /// Which.
    pub fault: Fault,
    /// The first one in Hz; the others are its multiples.
    pub hz: f64,
    /// Number of lines.
    pub harmonics: usize,
    /// Whether they stand out, and are drawn so.
    pub clear: bool,
}

/// Draws `curves` from 0 Hz to `reach_hz`, with a row for each of `marks`. `label` says what it shows.
///
/// # Panics
/// Without a curve.
pub fn draw(label: String, title: &str, curves: &[Curve<'_>], marks: &[Marks], reach_hz: f64) -> Drawing {
    let end = |curve: &Curve<'_>| (curve.spectrum.amplitudes.len() - 1) as f64 * curve.spectrum.step_hz;
    let reach = curves.iter().map(end).fold(reach_hz, f64::min);
    let highest = curves.iter().flat_map(|curve| shown(curve, reach)).copied().fold(0.0, f32::max);
    let step = round_step(f64::from(highest) / 4.0, &FINE);
    let up = |value: f64| HEIGHT * (1.0 - value / (4.0 * step));
    let along = |hz: f64| FRAME * hz / reach;
    let hz_step = round_step(reach / 10.0, &FINE);
    let rows = ROW * marks.len() as f64;
    let body = html! {
        text x="0" y="14" font-weight="600" { (title) }
        (legend(curves))
        g transform={ "translate(" (LEFT) " " (TITLE + rows) ")" } {
            @for line in 0..=4 {
                @let value = step * f64::from(line);
                (level(up(value), &tick(value, step), line == 0))
            }
            @for index in 0..=(reach / hz_step) as usize {
                @let hz = index as f64 * hz_step;
                (mark_below(along(hz), HEIGHT, &tick(hz, hz_step)))
            }
            @for (row, marks) in marks.iter().enumerate() { (row_of(marks, ROW * row as f64 - rows, &along)) }
            @for curve in curves {
                @let points = highest_of(shown(curve, reach), curve.spectrum.step_hz / reach);
                (polyline(&points, HEIGHT, curve.colour, curve.dashed, up))
            }
            (below(HEIGHT, "Hz"))
        }
    };
    Drawing { label, width: WIDTH, height: TITLE + rows + HEIGHT + BOTTOM, body }
}

/// The values up to `reach_hz`.
fn shown<'a>(curve: &Curve<'a>, reach_hz: f64) -> &'a [f32] {
    let amplitudes = &curve.spectrum.amplitudes;
    let bins = (reach_hz / curve.spectrum.step_hz) as usize + 1;
    &amplitudes[..bins.min(amplitudes.len())]
}

/// Of each stretch the highest value, since a line is a bin wide, as (share of the whole, value); `step` is a bin's share.
fn highest_of(values: &[f32], step: f64) -> Vec<(f64, f64)> {
    let stretch = values.len().div_ceil(POINTS);
    let highest = |(index, values): (usize, &[f32])| {
        ((index * stretch) as f64 * step, f64::from(values.iter().copied().fold(0.0, f32::max)))
    };
    values.chunks(stretch).enumerate().map(highest).collect()
}

/// The names of the curves, at the right end of the title's line.
fn legend(curves: &[Curve<'_>]) -> Markup {
    let mut x = WIDTH - RIGHT;
    let mut placed = Vec::new();
    for curve in curves.iter().rev().filter(|curve| !curve.name.is_empty()) {
        x -= text_width(curve.name) + 34.0;
        placed.push((x, curve));
    }
    html! {
        @for (x, curve) in placed {
            line.ink[curve.colour.is_none()] x1=(number(x)) x2=(number(x + 18.0)) y1="10" y2="10"
                stroke=(curve.colour.unwrap_or(INK)) stroke-width="2" stroke-dasharray=[dash(curve.dashed)] {}
            text x=(number(x + 24.0)) y="14" { (curve.name) }
        }
    }
}

/// A row of marks: the fault's symbol, the number of each harmonic, and a line through the spectra below.
fn row_of(marks: &Marks, top: f64, along: &dyn Fn(f64) -> f64) -> Markup {
    let Marks { fault, hz, harmonics, clear } = *marks;
    let colour = COLOURS[match fault {
        Fault::InnerRace => 1,
        Fault::OuterRace => 0,
        Fault::Ball => 2,
        Fault::Cage => 3,
    }];
    let places: Vec<(usize, f64)> = (1..=harmonics)
        .map(|harmonic| (harmonic, along(harmonic as f64 * hz)))
        .take_while(|(_, x)| *x <= FRAME)
        .collect();
    let baseline = top + 13.0;
    let weight = if clear { "700" } else { "400" };
    html! {
        g fill=(colour) stroke=(colour) {
            text x="-10" y=(number(baseline)) text-anchor="end" font-weight=(weight) stroke="none" {
                (fault.symbol())
            }
            @for (harmonic, x) in &places {
                @let name = format!("{harmonic}x");
                line x1=(number(*x)) x2=(number(*x)) y1="0" y2=(HEIGHT)
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
