//! `gpu-bearing report`: finished runs as a page to read, print and pass on.

use std::path::PathBuf;

use gpu_bearing::Result;
use gpu_bearing::report::figures::figures;
use gpu_bearing::report::{folder, run_page, runs};
use gpu_bearing::train::RunFolder;

use super::output::{self, Screen};

/// Show one finished run, or several side by side, as an HTML page with SVG, CSV and JSON files
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The runs' folders
    #[arg(required = true)]
    run: Vec<PathBuf>,
    /// A folder for the page and its files, new or an earlier report's, or an .html file for the page alone
    /// [default: RUN/report, or report where there are several runs]
    #[arg(long, value_name = "DIR|FILE")]
    out: Option<PathBuf>,
    /// Print the figures as JSON, and all else to standard error
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let folders = args.run.iter().map(|path| RunFolder::open(path)).collect::<Result<Vec<_>>>()?;
    let runs = runs::read(&folders)?;
    let out = match (&args.out, &folders[..]) {
        (Some(out), _) => out.clone(),
        (None, [folder]) => folder.path().join("report"),
        (None, _) => PathBuf::from("report"),
    };
    let page = run_page::page(&runs, &output::command());
    let page = folder::write(&out, &page, &run_page::files(&runs))?;
    let screen = Screen { json: args.json };
    for run in &runs {
        if let Some((part, part_figures)) = run.parts().last() {
            let split = run.split().words();
            screen.line(format!("{}  {part} {} ({split})", run.run, figures(part_figures)))?;
        }
    }
    screen.line(format!("page  {}", page.display()))?;
    if args.json { output::json(&runs::document(&runs)) } else { Ok(()) }
}
