//! `gpu-bearing devices`: every adapter, and which one would be picked.

use gpu_bearing::gpu::adapter;
use gpu_bearing::{Error, Result};

/// List the adapters of this machine and which one would be picked
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let adapters = adapter::list();
    if args.json {
        println!("{}", serde_json::to_string_pretty(&adapters).map_err(|e| Error::failed(e.to_string()))?);
        return Ok(());
    }
    for adapter in adapters {
        println!("{} {adapter}", adapter.index);
    }
    Ok(())
}
