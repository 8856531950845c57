//! The parts that every HTML page is made of: its frame, cards, tables, lists, figures, marks. A page is one file that
//! needs no other: no network, fonts or scripts.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::Align;
use super::drawing::Drawing;

const STYLE: &str = include_str!("page.css");

/// By this a page is known as one of ours, which may be replaced.
const GENERATOR: &str = "<meta name=\"generator\" content=\"gpu-bearing ";

/// How windows were divided, which stands beside every accuracy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// `split by bearing`, `new recordings`.
    pub name: String,
    /// Whether the windows are of the embedded sample.
    pub synthetic: bool,
    /// Whether the same bearing is, or may be, on both sides.
    pub leaky: bool,
}

impl Split {
    /// In plain words, as on the terminal.
    pub fn words(&self) -> String {
        super::figures::split_words(&self.name, self.synthetic, self.leaky)
    }

    /// With marks that catch the eye.
    pub fn marked(&self) -> Markup {
        html! {
            (self.name)
            @if self.synthetic { " " span.mark { "synthetic" } }
            @if self.leaky { " " span.mark.leaky { "leaky" } }
        }
    }
}

/// A whole page; `kind` stands above the title, `command` is what made it.
pub fn frame(kind: &str, title: &str, body: &Markup, command: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                (PreEscaped(GENERATOR)) (version) (PreEscaped("\">"))
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    header { p { (kind) } h1 { (title) } }
                    (body)
                    footer { "Made by gpu-bearing " (version) ": " code { (command) } }
                }
            }
        }
    };
    page.into_string()
}

/// Whether `text` begins like a page that [`frame`] made.
pub fn is_page(text: &str) -> bool {
    text.starts_with("<!DOCTYPE html>") && text.contains(GENERATOR)
}

/// A figure to see first: what it is, the figure, and what to know with it.
pub fn card(what: &str, figure: &str, with: &Markup) -> Markup {
    html! { div.card { small { (what) } b { (figure) } small { (with) } } }
}

/// A table that scrolls in its box where it is too wide. The first cell of a row names the row.
pub fn table(columns: &[(&str, Align)], rows: &[Vec<Markup>]) -> Markup {
    let side = |index: usize| (columns[index].1 == Align::Right).then_some("right");
    html! {
        div.box tabindex="0" {
            table {
                thead {
                    tr {
                        @for (index, (name, _)) in columns.iter().enumerate() {
                            th scope="col" class=[side(index)] { (name) }
                        }
                    }
                }
                tbody {
                    @for row in rows {
                        tr {
                            @for (index, cell) in row.iter().enumerate() {
                                @if index == 0 { th scope="row" { (cell) } } @else { td class=[side(index)] { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Names with their values.
pub fn list(entries: &[(String, String)]) -> Markup {
    html! { dl { @for (name, value) in entries { div { dt { (name) } dd { (value) } } } } }
}

/// Words with their meanings.
pub fn glossary(entries: &[(&str, &str)]) -> Markup {
    html! { dl.prose { @for (word, meaning) in entries { div { dt { (word) } dd { (meaning) } } } } }
}

/// A drawing, which scrolls in its box where it is too wide.
pub fn figure(drawing: &Drawing) -> Markup {
    html! { figure tabindex="0" { (drawing.inline()) } }
}

/// Parts side by side where there is room.
pub fn side_by_side(parts: &[Markup]) -> Markup {
    html! { div.side { @for part in parts { div { (part) } } } }
}

/// What a reader must know.
pub fn note(text: &Markup) -> Markup {
    html! { p.note { (text) } }
}
