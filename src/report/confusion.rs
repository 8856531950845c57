//! A confusion matrix as a drawing: counts and shares in words, shares by shade as well, right answers outlined.

use maud::html;

use super::drawing::{Drawing, INK, number, shortened, text_width};
use super::figures::percent;

/// A cell, in user units.
const CELL: (f64, f64) = (48.0, 42.0);
/// The heading's two lines.
const HEAD: f64 = 48.0;
/// Characters of a class's name; longer ones are cut, and stand in full in a tooltip.
const MOST_LETTERS: usize = 24;
/// The shades of the shares 0 and 1: dark text stays readable on both, and so does light text in the dark.
const SHADES: (f64, f64) = (0.03, 0.6);

/// Draws the `rows` of a confusion matrix: a row per true class, a column per predicted one, numbered as the rows are.
pub fn draw(classes: &[String], rows: &[Vec<u64>]) -> Drawing {
    let names: Vec<String> = (classes.iter().enumerate())
        .map(|(index, class)| format!("{} {}", index + 1, shortened(class, MOST_LETTERS)))
        .collect();
    let left = names.iter().map(|name| text_width(name)).fold(text_width("true class"), f64::max) + 10.0;
    let (across, down) = CELL;
    let width = left + across * classes.len() as f64 + 2.0;
    let height = HEAD + down * classes.len() as f64 + 2.0;
    let x = |column: usize| left + across * column as f64;
    let y = |row: usize| HEAD + down * row as f64;
    let cells = rows.iter().enumerate().flat_map(|(row, counts)| {
        let of: u64 = counts.iter().sum();
        let share = move |count: u64| if of == 0 { 0.0 } else { count as f64 / of as f64 };
        counts.iter().enumerate().map(move |(column, &count)| (row, column, count, share(count)))
    });
    let body = html! {
        text x="0" y=(HEAD - 10.0) font-weight="600" { "true class" }
        text x=(number(left)) y="14" font-weight="600" { "taken for" }
        @for (index, name) in names.iter().enumerate() {
            text x=(number(x(index) + across / 2.0)) y=(HEAD - 10.0) text-anchor="middle" { (index + 1) }
            text x="0" y=(number(y(index) + down / 2.0 + 4.5)) { (name) title { (classes[index]) } }
        }
        @for (row, column, count, share) in cells {
            @let middle = number(x(column) + across / 2.0);
            g {
                title { (classes[row]) " taken for " (classes[column]) ": " (count) " windows, " (percent(share)) }
                rect.cell x=(number(x(column) + 1.0)) y=(number(y(row) + 1.0)) width=(across - 2.0)
                    height=(down - 2.0) rx="3" fill="#0072b2" fill-opacity=(shade(share)) {}
                @if row == column {
                    rect.ink x=(number(x(column) + 1.0)) y=(number(y(row) + 1.0)) width=(across - 2.0)
                        height=(down - 2.0) rx="3" fill="none" stroke=(INK) stroke-width="1.5" {}
                }
                @if count == 0 {
                    text x=(middle) y=(number(y(row) + down / 2.0 + 4.5)) text-anchor="middle" opacity="0.55" { "0" }
                } @else {
                    text x=(middle) y=(number(y(row) + 18.0)) text-anchor="middle" font-weight="600" { (count) }
                    text x=(middle) y=(number(y(row) + 33.0)) text-anchor="middle" font-size="10.5" {
                        (percent(share))
                    }
                }
            }
        }
    };
    Drawing { label: "confusion matrix".to_owned(), width, height, body }
}

/// The opacity of a share's cell.
fn shade(share: f64) -> String {
    format!("{:.3}", SHADES.0 + (SHADES.1 - SHADES.0) * share)
}
