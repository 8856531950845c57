//! Line plots, from zero upwards.

use maud::{Markup, html};

use super::drawing::{Drawing, INK, number, text_width};

/// Colours that the colour-blind can tell apart (Okabe and Ito 2008), each with a dash of its own for print.
pub const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#b0578d", "#9a6a00", "#3d8fc4"];
const DASHES: [&str; 6] = ["none", "6 3", "2 3", "9 3 2 3", "12 4", "4 2 1 2"];

/// What lies along the horizontal axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// In whole numbers at equal distances, such as epochs or decibels.
    Counted,
    /// Sizes above zero on a scale of doublings; each point is labelled.
    Doublings,
}

/// A named line.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Its name in the legend; empty where it needs none.
    pub name: String,
    /// (x, y) by x; y is not below zero.
    pub points: Vec<(f64, f64)>,
}

/// One plot.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// What stands above it: the quantity that goes upwards, with its unit.
    pub title: String,
    /// What stands below the horizontal axis.
    pub x: String,
    /// What lies along it.
    pub scale: Scale,
    /// The vertical axis reaches at least to here; the same in panels that are to be compared.
    pub top: f64,
    /// The curves.
    pub curves: Vec<Curve>,
    /// A place on the horizontal axis with its name.
    pub mark: Option<(f64, String)>,
}

/// A panel, in user units.
const WIDTH: f64 = 400.0;
/// Its frame.
const FRAME: (f64, f64) = (342.0, 190.0);
/// Left of the frame.
const LEFT: f64 = 46.0;
/// Above legend and frame.
const TITLE: f64 = 30.0;
/// A line of the legend.
const LINE: f64 = 20.0;
/// Between legend and frame, where the name of a mark stands.
const GAP: f64 = 12.0;
/// Below the frame.
const BOTTOM: f64 = 46.0;
/// From the frame to the first and the last point.
const INSET: f64 = 10.0;
/// Lines across the frame, the one at zero aside.
const LINES: usize = 4;
/// Labels along a counted axis.
const LABELS: f64 = 8.0;
/// Curves of more points are drawn without dots.
const MOST_DOTS: usize = 60;

impl Panel {
    /// The highest value of any curve; 0 without one.
    pub fn highest<'a>(curves: impl IntoIterator<Item = &'a Curve>) -> f64 {
        curves.into_iter().flat_map(|curve| &curve.points).map(|point| point.1).fold(0.0, f64::max)
    }

    /// Draws it; without points the frame stays empty.
    pub fn draw(&self) -> Drawing {
        let legend = self.legend();
        let lines = legend.last().map_or(0, |place| place.1 + 1);
        let top = TITLE + LINE * lines as f64 + GAP;
        let body = html! {
            text x="0" y="14" font-weight="600" { (self.title) }
            @for (curve, (x, line)) in legend.iter().enumerate() {
                @let y = TITLE + LINE * *line as f64;
                (coloured(curve, &html! {
                    line x1=(number(*x)) x2=(number(x + 24.0)) y1=(y) y2=(y) stroke-width="2"
                        stroke-dasharray=(dash(curve)) {}
                }))
                text x=(number(x + 30.0)) y=(y + 4.5) { (self.curves[curve].name) }
            }
            g transform={ "translate(" (LEFT) " " (top) ")" } { (self.frame()) }
        };
        Drawing { label: self.label(), width: WIDTH, height: top + FRAME.1 + BOTTOM, body }
    }

    fn label(&self) -> String {
        let names: Vec<&str> = self.curves.iter().map(|curve| curve.name.as_str()).collect();
        format!("{} over {} {}", self.title, self.x, names.join(", ")).trim_end().to_owned()
    }

    /// Left end and line of each entry.
    fn legend(&self) -> Vec<(f64, usize)> {
        let mut places = Vec::new();
        let (mut x, mut line) = (0.0, 0);
        for curve in self.curves.iter().take_while(|curve| !curve.name.is_empty()) {
            let width = 30.0 + text_width(&curve.name);
            if x > 0.0 && x + width > WIDTH {
                (x, line) = (0.0, line + 1);
            }
            places.push((x, line));
            x += width + 18.0;
        }
        places
    }

    fn frame(&self) -> Markup {
        let (width, height) = FRAME;
        let step = round_step(self.top / LINES as f64, &FINE);
        let up = |value: f64| height * (1.0 - value / (step * LINES as f64));
        html! {
            @for line in 0..=LINES {
                @let value = step * line as f64;
                line.grid x1="0" x2=(width) y1=(number(up(value))) y2=(number(up(value)))
                    stroke=(if line == 0 { "#7d8996" } else { "#dde3e9" }) {}
                text x="-7" y=(number(up(value) + 4.5)) text-anchor="end" { (tick(value, step)) }
            }
            text x=(width / 2.0) y=(height + 38.0) text-anchor="middle" { (self.x) }
            @for x in self.ticks() {
                @let along = number(self.along(x));
                line.grid x1=(along) x2=(along) y1=(height) y2=(height + 4.0) stroke="#7d8996" {}
                text x=(along) y=(height + 18.0) text-anchor="middle" { (x) }
            }
            @if let Some((x, name)) = &self.mark {
                @let along = self.along(*x);
                @let (side, anchor) = if along < width / 2.0 { (5.0, "start") } else { (-5.0, "end") };
                line.ink x1=(number(along)) x2=(number(along)) y1="0" y2=(height) stroke=(INK)
                    stroke-dasharray="1 3" {}
                text x=(number(along + side)) y="-4" text-anchor=(anchor) font-size="12" { (name) }
            }
            @for (index, curve) in self.curves.iter().enumerate() {
                (coloured(index, &self.curve(curve, dash(index), &up)))
            }
        }
    }

    fn curve(&self, Curve { name, points }: &Curve, dash: &str, up: &dyn Fn(f64) -> f64) -> Markup {
        let places: Vec<(String, String)> =
            points.iter().map(|&(x, y)| (number(self.along(x)), number(up(y)))).collect();
        let path: Vec<String> = places.iter().map(|(x, y)| format!("{x},{y}")).collect();
        html! {
            @if points.len() > 1 {
                polyline points=(path.join(" ")) fill="none" stroke-width="2"
                    stroke-linejoin="round" stroke-dasharray=(dash) {}
            }
            @if points.len() <= MOST_DOTS {
                @for ((x, y), (at, value)) in places.iter().zip(points) {
                    circle cx=(x) cy=(y) r="2.6" stroke="none" {
                        title { (self.x) " " (at) ": " (name) " " (rounded(*value)) }
                    }
                }
            }
            @if self.scale == Scale::Doublings {
                @for ((x, _), (_, value)) in places.iter().zip(points) {
                    text x=(x) y=(number(up(*value) - 9.0)) text-anchor="middle" font-size="12" stroke="none" {
                        (rounded(*value))
                    }
                }
            }
        }
    }

    /// The first and the last x of all curves.
    fn range(&self) -> Option<(f64, f64)> {
        let ends =
            self.curves.iter().filter_map(|curve| Some((curve.points.first()?.0, curve.points.last()?.0)));
        ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    fn along(&self, x: f64) -> f64 {
        let (first, last) = self.range().unwrap_or((x, x));
        let share = match self.scale {
            _ if first == last => 0.5,
            Scale::Counted => (x - first) / (last - first),
            Scale::Doublings => (x / first).log2() / (last / first).log2(),
        };
        // Labels above the outermost points need room.
        let inset = if self.scale == Scale::Doublings { 3.0 * INSET } else { INSET };
        inset + share * (FRAME.0 - 2.0 * inset)
    }

    fn ticks(&self) -> Vec<f64> {
        let Some((first, last)) = self.range() else { return Vec::new() };
        match self.scale {
            Scale::Doublings => {
                self.curves.iter().flat_map(|curve| &curve.points).map(|point| point.0).collect()
            }
            Scale::Counted => {
                let step = round_step((last - first) / LABELS, &COARSE).ceil();
                let from = (first / step).ceil() as i64;
                (from..=(last / step).floor() as i64).map(|tick| tick as f64 * step).collect()
            }
        }
    }
}

/// A curve's dash; where the colours begin again, other dashes go with them.
pub(super) fn dash(curve: usize) -> &'static str {
    DASHES[(curve + curve / COLOURS.len()) % DASHES.len()]
}

/// Elements in the colour of a curve.
pub(super) fn coloured(curve: usize, elements: &Markup) -> Markup {
    let index = curve % COLOURS.len();
    html! { g class={ "c" (index) } stroke=(COLOURS[index]) fill=(COLOURS[index]) { (elements) } }
}

/// Round numbers below 10: to fill a frame well, and to count in.
pub(super) const FINE: [f64; 10] = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
const COARSE: [f64; 4] = [1.0, 2.0, 5.0, 10.0];

/// The least of these `factors`, times a power of ten, that is `least` or more; 1 for 0.
pub(super) fn round_step(least: f64, factors: &[f64]) -> f64 {
    if least <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(least.log10().floor());
    factors.iter().map(|factor| factor * power).find(|step| *step >= least).unwrap_or(10.0 * power)
}

/// Round values from `first` to `last`, some `most` of them, with their labels.
pub(super) fn marks(first: f64, last: f64, most: f64) -> Vec<(f64, String)> {
    let step = round_step((last - first) / most, &COARSE);
    let marks = (first / step).ceil() as i64..=(last / step).floor() as i64;
    marks.map(|mark| (mark as f64 * step, tick(mark as f64 * step, step))).collect()
}

/// A multiple of `step` with as many decimals as the step needs.
pub(super) fn tick(value: f64, step: f64) -> String {
    let exact = |digits: &usize| {
        let scaled = step * 10f64.powi(*digits as i32);
        (scaled - scaled.round()).abs() < 1e-6 * scaled
    };
    let digits = (0..12).find(exact).unwrap_or(12);
    format!("{value:.digits$}")
}

/// Three digits or so.
fn rounded(value: f64) -> String {
    let digits = match value {
        0.0 | 100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 4,
    };
    format!("{value:.digits$}")
}
