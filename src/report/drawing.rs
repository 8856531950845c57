//! SVG drawings, for a page or as files of their own. Colours stand as attributes: a file then needs no style sheet,
//! and the style sheet of a page goes before them, as in the dark.

use maud::{Markup, html};

/// The colour of text and of lines of class `ink`; [`crate::report::page`] has another one in the dark.
pub const INK: &str = "#1d2733";
const FAMILY: &str = "system-ui, 'Segoe UI', Helvetica, Arial, sans-serif";
/// Size of text in user units.
pub const FONT: f64 = 13.0;
/// Around the drawings of a file.
const MARGIN: f64 = 16.0;
/// Height of a line of text in a file.
const LINE: f64 = 28.0;

/// A drawing from (0, 0) to (`width`, `height`), in user units, which are pixels where it is shown in full size.
#[derive(Debug, Clone)]
pub struct Drawing {
    /// What it shows, for those who cannot see it.
    pub label: String,
    /// Width in user units.
    pub width: f64,
    /// Height in user units.
    pub height: f64,
    /// Its elements.
    pub body: Markup,
}

impl Drawing {
    /// As an element of a page: as wide as there is room, within reason.
    pub fn inline(&self) -> Markup {
        let Self { label, width, height, .. } = self;
        html! {
            svg viewBox={ "0 0 " (width) " " (height) } role="img" aria-label=(label)
                style={ "min-width:" (number(0.7 * width)) "px;max-width:" (number(1.25 * width)) "px" } {
                (self.group(0.0, 0.0))
            }
        }
    }

    fn group(&self, x: f64, y: f64) -> Markup {
        html! {
            g.drawing transform={ "translate(" (number(x)) " " (number(y)) ")" } fill=(INK)
                font-family=(FAMILY) font-size=(FONT) {
                (self.body)
            }
        }
    }
}

/// A file of drawings under a title: rows, each under its own heading unless that is empty.
pub fn file(title: &str, rows: &[(String, Vec<Drawing>)]) -> String {
    let mut elements = Vec::new();
    let (mut y, mut widest) = (MARGIN + LINE, 4.0 * MARGIN + text_width(title));
    for (heading, drawings) in rows {
        if !heading.is_empty() {
            elements.push(html! { text x=(MARGIN) y=(number(y + FONT)) font-weight="600" { (heading) } });
            y += LINE;
        }
        let mut x = MARGIN;
        for drawing in drawings {
            elements.push(drawing.group(x, y));
            x += drawing.width + 2.0 * MARGIN;
        }
        widest = widest.max(x - MARGIN).max(2.0 * MARGIN + text_width(heading));
        y += drawings.iter().map(|drawing| drawing.height).fold(0.0, f64::max) + MARGIN;
    }
    let (width, height) = (number(widest), number(y));
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height)
            fill=(INK) font-family=(FAMILY) font-size=(FONT) {
            rect width="100%" height="100%" fill="#fff" {}
            text x=(MARGIN) y=(number(MARGIN + FONT)) font-size="16" font-weight="600" { (title) }
            @for element in elements { (element) }
        }
    };
    // XML has no way at all to write most control characters.
    svg.into_string().replace(|c: char| c.is_control() && !c.is_whitespace(), "\u{fffd}") + "\n"
}

/// Rows of a file, the first one under `heading`.
pub fn under(heading: String, rows: impl IntoIterator<Item = Vec<Drawing>>) -> Vec<(String, Vec<Drawing>)> {
    std::iter::once(heading).chain(std::iter::repeat(String::new())).zip(rows).collect()
}

/// A coordinate to a tenth.
pub fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// About how wide a text of size [`FONT`] is: no font is at hand to measure by.
pub fn text_width(text: &str) -> f64 {
    0.56 * FONT * text.chars().count() as f64
}

/// The text, cut where it has more than `most` characters.
pub fn shortened(text: &str, most: usize) -> String {
    match text.chars().count() {
        count if count <= most => text.to_owned(),
        _ => text.chars().take(most - 1).chain(['…']).collect(),
    }
}
