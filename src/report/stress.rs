//! A stress test: a table and a plot a perturbation, and the files of both.

use std::fs;
use std::path::Path;

use super::drawing::{self, Drawing, under};
use super::figures::{percent, split_words};
use super::plot::{self, Panel, Scale};
use super::{Align, Table};
use crate::train::stress::{Curve, Point, Stress};
use crate::write::replace;
use crate::{Error, Result};

/// Panels side by side in the drawing.
const ACROSS: usize = 3;

/// The figures of one perturbation.
pub fn table(curve: &Curve) -> Table {
    let mut table = Table::new(&[
        (curve.quantity, Align::Right),
        ("balanced accuracy", Align::Right),
        ("accuracy", Align::Right),
        ("loss", Align::Right),
        ("windows", Align::Right),
    ]);
    for Point { level, figures } in &curve.points {
        table.row([
            level.to_string(),
            percent(figures.balanced_accuracy),
            percent(figures.accuracy),
            format!("{:.4}", figures.loss),
            figures.windows.to_string(),
        ]);
    }
    table
}

/// Balanced accuracy and accuracy under one perturbation.
pub(super) fn panel(curve: &Curve) -> Panel {
    let line = |name: &str, value: fn(&Point) -> f64| plot::Curve {
        name: name.to_owned(),
        points: curve.points.iter().map(|point| (point.level, 100.0 * value(point))).collect(),
    };
    Panel {
        title: format!("{}, accuracy in %", curve.perturbation),
        x: curve.quantity.to_owned(),
        scale: Scale::Counted,
        top: 100.0,
        curves: vec![
            line("balanced accuracy", |point| point.figures.balanced_accuracy),
            line("accuracy", |point| point.figures.accuracy),
        ],
        mark: None,
    }
}

/// What was tested, how the windows were divided, and the figures without stress.
fn heading(stress: &Stress) -> String {
    let clean = &stress.clean;
    format!(
        "{} under stress ({}); without: balanced accuracy {}, accuracy {}",
        clean.model,
        split_words(&clean.split, clean.synthetic, clean.leaky),
        percent(clean.test.balanced_accuracy),
        percent(clean.test.accuracy)
    )
}

/// All perturbations as one SVG file.
pub fn svg(stress: &Stress) -> String {
    drawing::file(&heading(stress), &under(String::new(), panels(stress)))
}

/// All perturbations in rows, headed by `run`'s name unless that is empty, and by what was tested.
pub(super) fn rows(run: &str, stress: &Stress) -> Vec<(String, Vec<Drawing>)> {
    let heading = [run.to_owned(), heading(stress)];
    let parts: Vec<String> = heading.into_iter().filter(|part| !part.is_empty()).collect();
    under(parts.join(": "), panels(stress))
}

/// The plots, side by side.
fn panels(stress: &Stress) -> Vec<Vec<Drawing>> {
    let panels: Vec<Drawing> = stress.curves.iter().map(|curve| panel(curve).draw()).collect();
    panels.chunks(ACROSS).map(<[Drawing]>::to_vec).collect()
}

/// Writes `stress.svg` and `stress.json` into `folder`, which is made if it is not there; earlier ones are replaced.
///
/// # Errors
/// The folder cannot be made, or a file not be written.
pub fn write(folder: &Path, stress: &Stress) -> Result<()> {
    fs::create_dir_all(folder).map_err(|cause| {
        Error::input(format!(
            "{}: cannot be made: {cause}; choose another place with --out",
            folder.display()
        ))
    })?;
    let json = serde_json::to_string_pretty(stress).map_err(|e| Error::failed(format!("JSON: {e}")))?;
    replace(&folder.join("stress.svg"), svg(stress).as_bytes())?;
    replace(&folder.join("stress.json"), (json + "\n").as_bytes())
}
