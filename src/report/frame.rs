//! Frames of one size with their axes: what the drawings of signals and of spectra stand in, one below the other.

use maud::{Markup, html};

use super::drawing::{INK, number};

/// A drawing's width, in user units.
pub(super) const WIDTH: f64 = 900.0;
/// Left of a frame, where the values stand, and right of it.
pub(super) const LEFT: f64 = 62.0;
pub(super) const RIGHT: f64 = 8.0;
/// A frame's width.
pub(super) const FRAME: f64 = WIDTH - LEFT - RIGHT;
/// Above a frame, where the title stands.
pub(super) const TITLE: f64 = 28.0;
/// Below a frame.
pub(super) const BOTTOM: f64 = 46.0;
/// Points of a curve.
pub(super) const POINTS: usize = 1660;
const AXIS: &str = "#7d8996";
const GRID: &str = "#dde3e9";

/// A line across the frame with its value.
pub(super) fn level(y: f64, value: &str, axis: bool) -> Markup {
    html! {
        line.grid x1="0" x2=(FRAME) y1=(number(y)) y2=(number(y)) stroke=(if axis { AXIS } else { GRID }) {}
        text x="-7" y=(number(y + 4.5)) text-anchor="end" { (value) }
    }
}

/// A mark on the axis below a frame, with its value.
pub(super) fn mark_below(x: f64, height: f64, value: &str) -> Markup {
    html! {
        line.grid x1=(number(x)) x2=(number(x)) y1=(height) y2=(number(height + 4.0)) stroke=(AXIS) {}
        text x=(number(x)) y=(number(height + 18.0)) text-anchor="middle" { (value) }
    }
}

/// The unit of the axis below a frame.
pub(super) fn below(height: f64, unit: &str) -> Markup {
    html! { text x=(FRAME / 2.0) y=(number(height + 38.0)) text-anchor="middle" { (unit) } }
}

/// The dashes of a line that has some.
pub(super) fn dash(dashed: bool) -> Option<&'static str> {
    dashed.then_some("3 2")
}

/// A curve of (share of the frame, value), in a colour or in that of text.
pub(super) fn polyline(
    points: &[(f64, f64)],
    height: f64,
    colour: Option<&str>,
    dashed: bool,
    up: impl Fn(f64) -> f64,
) -> Markup {
    let points: Vec<String> = points
        .iter()
        .map(|&(x, y)| format!("{},{}", number(FRAME * x), number(up(y).clamp(0.0, height))))
        .collect();
    html! {
        polyline.ink[colour.is_none()] points=(points.join(" ")) fill="none" stroke=(colour.unwrap_or(INK))
            stroke-width="1" stroke-linejoin="round" stroke-dasharray=[dash(dashed)] {}
    }
}
