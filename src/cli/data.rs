//! `gpu-bearing data`: recordings fetched, looked at and audited, and the synthetic sample. A file each.

use clap::Subcommand;
use gpu_bearing::Result;
use gpu_bearing::data::folder::Layout;

mod audit;
mod fetch;
mod info;
mod synth;

/// Fetch, look at and audit recordings, or write the synthetic sample
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Fetch(fetch::Args),
    Info(info::Args),
    Audit(audit::Args),
    Synth(synth::Args),
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::Fetch(args) => fetch::run(args),
        Command::Info(args) => info::run(args),
        Command::Audit(args) => audit::run(args),
        Command::Synth(args) => synth::run(args),
    }
}

/// How a folder says what its recordings are, in words.
fn layout(layout: Layout) -> &'static str {
    match layout {
        Layout::Listed => "listed in dataset.toml",
        Layout::Cwru => "CWRU files, described by the catalogue",
        Layout::Folders => "a folder per condition",
    }
}

fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}
