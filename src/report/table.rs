//! The one look of every table on the terminal: a heading, a rule, aligned columns, at most [`WIDTH`] columns wide.

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, TableStyle};

/// Columns of text that a table may take; longer cells are wrapped.
pub const WIDTH: u16 = 100;

/// ASCII only, so that every terminal and log file shows it.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('-').junction('-'));

/// On which side the text of a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

impl Align {
    fn of_cells(self) -> CellAlignment {
        match self {
            Self::Left => CellAlignment::Left,
            Self::Right => CellAlignment::Right,
        }
    }
}

/// A table to print with `{}`; its lines carry no trailing blanks, and no newline ends it.
#[derive(Debug, Clone)]
pub struct Table(comfy_table::Table);

impl Table {
    /// An empty table with these columns.
    pub fn new(columns: &[(&str, Align)]) -> Self {
        let mut table = comfy_table::Table::new();
        table
            .load_style(STYLE)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(WIDTH)
            .set_header(
                columns.iter().map(|(heading, align)| Cell::new(heading).set_alignment(align.of_cells())),
            );
        for (index, (column, (_, align))) in table.column_iter_mut().zip(columns).enumerate() {
            // With the blank that stands in for a border, two blanks between columns.
            column.set_padding((0, u16::from(index + 1 < columns.len())));
            column.set_cell_alignment(align.of_cells());
        }
        Self(table)
    }

    /// Adds a row of as many cells as there are columns.
    pub fn row<T: ToString>(&mut self, cells: impl IntoIterator<Item = T>) -> &mut Self {
        self.0.add_row(cells.into_iter().map(|cell| cell.to_string()));
        self
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.trim_fmt())
    }
}
