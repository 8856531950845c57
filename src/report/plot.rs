//! Curves as SVG: panels side by side on one vertical scale that starts at zero, sizes on a scale of doublings.

use std::fmt::Write as _;

/// Points (x, y) by x; both are above zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve(pub Vec<(f64, f64)>);

/// One plot.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// What stands below the horizontal axis.
    pub x: String,
    /// What stands above the vertical axis.
    pub y: String,
    /// The curve.
    pub curve: Curve,
}

/// A panel's frame, in pixels.
const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 180.0;
/// Room for labels left of, above and below a frame.
const LEFT: f64 = 56.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 44.0;
/// Right of the last frame.
const RIGHT: f64 = 24.0;

/// Lines across a frame, the one at zero aside.
const LINES: usize = 4;

/// The panels with a title above them. A panel without points stays empty.
pub fn panels(title: &str, panels: &[Panel]) -> String {
    let width = panels.len() as f64 * (LEFT + WIDTH) + RIGHT;
    let height = TOP + HEIGHT + BOTTOM;
    let highest = panels.iter().flat_map(|panel| &panel.curve.0).map(|point| point.1).fold(0.0, f64::max);
    let step = round_step(highest / LINES as f64);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"11\" fill=\"#333\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"13\">{}</text>\n",
        escaped(title)
    );
    for (index, panel) in panels.iter().enumerate() {
        let left = index as f64 * (LEFT + WIDTH) + LEFT;
        let _ = writeln!(svg, "<g transform=\"translate({left} {TOP})\">");
        draw(&mut svg, panel, step);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw(svg: &mut String, panel: &Panel, step: f64) {
    let _ = writeln!(svg, "<text x=\"0\" y=\"-10\">{}</text>", escaped(&panel.y));
    for line in 0..=LINES {
        let y = HEIGHT * (1.0 - line as f64 / LINES as f64);
        let _ = writeln!(
            svg,
            "<line x1=\"0\" y1=\"{y}\" x2=\"{WIDTH}\" y2=\"{y}\" stroke=\"{}\"/>\
             <text x=\"-6\" y=\"{}\" text-anchor=\"end\">{}</text>",
            if line == 0 { "#333" } else { "#ddd" },
            y + 4.0,
            rounded(step * line as f64)
        );
    }
    let middle = WIDTH / 2.0;
    let below = HEIGHT + 34.0;
    let _ = writeln!(
        svg,
        "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">{}</text>",
        escaped(&panel.x)
    );
    let Curve(points) = &panel.curve;
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
    let doublings = (last.0 / first.0).log2().max(1.0);
    // Half a doubling of room on both sides.
    let x = |size: f64| WIDTH * ((size / first.0).log2() + 0.5) / (doublings + 1.0);
    let y = |value: f64| HEIGHT * (1.0 - value / (step * LINES as f64));
    let path: Vec<String> =
        points.iter().map(|point| format!("{:.1},{:.1}", x(point.0), y(point.1))).collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#1f77b4\" stroke-width=\"2\"/>",
        path.join(" ")
    );
    for &(size, value) in points {
        let (x, y) = (x(size), y(value));
        let ticks = HEIGHT + 16.0;
        let _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"#1f77b4\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
             <text x=\"{x:.1}\" y=\"{ticks}\" text-anchor=\"middle\">{size}</text>",
            y - 8.0,
            rounded(value)
        );
    }
}

/// The least round number that is `least` or more; 1 for 0.
fn round_step(least: f64) -> f64 {
    if least <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(least.log10().floor());
    let factors = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    factors.into_iter().map(|factor| factor * power).find(|step| *step >= least).unwrap_or(10.0 * power)
}

/// Three digits or so.
fn rounded(value: f64) -> String {
    let digits = if value == 0.0 || value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
