//! `gpu-bearing report`: finished runs as a page to read, print and pass on.

use std::path::PathBuf;

use gpu_bearing::Result;
use gpu_bearing::data::ReadOptions;
use gpu_bearing::gpu::Gpu;
use gpu_bearing::report::figures::figures;
use gpu_bearing::report::{folder, run_page, runs};
use gpu_bearing::train::RunFolder;
use gpu_bearing::train::study::study;

use super::eval;
use super::options::Options;
use super::output::{self, Screen};
use super::progress::Count;

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
    /// Read the recordings again, and show what decided of one recording a condition, with its envelope spectrum, and
    /// how the run bears noise, gain and a clock that is off; takes an adapter and some minutes
    #[arg(long)]
    full: bool,
    /// With --full: folder of recordings [default: what each run was trained on]
    #[arg(long, value_name = "DIR", requires = "full")]
    data: Option<PathBuf>,
    /// With --full: GPU adapter by index or a part of its name; `gpu-bearing devices` lists them [default: the first]
    #[arg(long, value_name = "NAME|INDEX", requires = "full")]
    adapter: Option<String>,
    /// Print the figures as JSON, and all else to standard error
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: Args) -> Result<()> {
    let folders = args.run.iter().map(|path| RunFolder::open(path)).collect::<Result<Vec<_>>>()?;
    let mut runs = runs::read(&folders)?;
    let out = match (&args.out, &folders[..]) {
        (Some(out), _) => out.clone(),
        (None, [folder]) => folder.path().join("report"),
        (None, _) => PathBuf::from("report"),
    };
    if args.full {
        let gpu = Gpu::open(args.adapter.as_deref())?;
        for (run, folder) in runs.iter_mut().zip(&folders) {
            let config = Options::read(&folder.config())?.validate()?;
            let (data, read) = eval::source(args.data.clone(), ReadOptions::default(), &config);
            let count = Count::new("looks");
            let mut show = |done, of| count.show(done, of);
            let study = study(&gpu, folder, &config, data.as_deref(), &read, &mut show)?;
            count.end();
            run.study = Some(study);
        }
    }
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
