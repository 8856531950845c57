//! A table of figures with what it must be read with, for the terminal and for a page.

use maud::{Markup, html};

use super::{Align, Table, page};

/// A table with what to know beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// A short name, by which what belongs to it is found.
    pub name: &'static str,
    /// What it shows.
    pub title: String,
    /// Its columns.
    pub columns: Vec<(String, Align)>,
    /// Its rows; the first cell names the row.
    pub rows: Vec<Vec<String>>,
    /// What every figure in it must be read with.
    pub note: String,
}

/// Columns by their headings.
pub fn columns(headings: &[(&str, Align)]) -> Vec<(String, Align)> {
    headings.iter().map(|(heading, align)| ((*heading).to_owned(), *align)).collect()
}

impl Sheet {
    fn headings(&self) -> Vec<(&str, Align)> {
        self.columns.iter().map(|(heading, align)| (heading.as_str(), *align)).collect()
    }

    /// As it stands on the terminal.
    pub fn table(&self) -> Table {
        let mut table = Table::new(&self.headings());
        for row in &self.rows {
            table.row(row);
        }
        table
    }

    /// As it stands on a page, below its title.
    pub fn markup(&self) -> Markup {
        let rows: Vec<Vec<Markup>> =
            self.rows.iter().map(|row| row.iter().map(|cell| html! { (cell) }).collect()).collect();
        html! {
            (page::table(&self.headings(), &rows))
            p.soft { (self.note) }
        }
    }
}
