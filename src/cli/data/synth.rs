//! `gpu-bearing data synth`: the synthetic sample.

use std::path::PathBuf;

use gpu_bearing::Result;
use gpu_bearing::data::synth;
use gpu_bearing::shell::word;
use serde_json::json;

use super::counted;
use crate::cli::output;

/// Write the synthetic sample: WAV files in six conditions, and their dataset.toml
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder to write to: empty, or made if it is not there
    dir: PathBuf,
    /// Seed of the generator
    #[arg(long, value_name = "N", default_value_t = synth::SEED)]
    seed: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    synth::write(&args.dir, args.seed)?;
    let files: Vec<String> = synth::plans(args.seed).into_iter().map(|plan| plan.name).collect();
    if args.json {
        return output::json(
            &json!({ "dir": args.dir, "seed": args.seed, "rate": synth::RATE, "files": files }),
        );
    }
    output::line(format!(
        "{} and dataset.toml written to {} (synthetic, {} Hz, seed {}).\nNext: {} train --data {}",
        counted(files.len(), "recording"),
        args.dir.display(),
        synth::RATE,
        args.seed,
        output::program(),
        word(&args.dir)
    ))
}
