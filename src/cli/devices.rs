//! `gpu-bearing devices`: every adapter, and which one would be picked.

use gpu_bearing::gpu::adapter::{self, AdapterInfo, AdapterType};
use gpu_bearing::nn::tuned;
use gpu_bearing::nn::variants::{ROWS, Row};
use gpu_bearing::report::{Align, Table};
use gpu_bearing::{Error, Result};
use serde::Serialize;

use super::output;

/// List the adapters of this machine, their limits, and which one would be picked
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// An adapter and what this program makes of it.
#[derive(Serialize)]
struct Device {
    #[serde(flatten)]
    info: AdapterInfo,
    picked: bool,
    /// The row of the variant table.
    variant: &'static str,
    /// Whether `gpu-bearing tune` has measured and kept that row; otherwise it is the table's.
    tuned: bool,
    /// Shaders that run in another variant than `standard`.
    shaders: Vec<String>,
    hint: Option<String>,
}

/// The software driver of a Mesa before this one is several times slower.
const FAST_MESA: (u32, u32) = (24, 0);

pub(crate) fn run(args: &Args) -> Result<()> {
    let adapters = adapter::list();
    let why = why_first(&adapters);
    let devices = adapters.into_iter().map(describe).collect::<Result<Vec<_>>>()?;
    if args.json {
        return output::json(&devices);
    }
    if devices.is_empty() {
        return Err(Error::failed(adapter::NO_ADAPTER));
    }
    for device in &devices {
        output::line(block(device))?;
    }
    output::line(format!("Picked without --adapter: {}, {why}.\n", devices[0].info.index))?;
    output::line(variants())
}

/// The variant table, whose rows `--variant` names.
fn variants() -> Table {
    let mut table = Table::new(&[
        ("variant", Align::Left),
        ("for", Align::Left),
        ("shaders in a file of their own", Align::Left),
    ]);
    for row in ROWS {
        let shaders: Vec<&str> = row.shaders.iter().map(|(shader, _)| *shader).collect();
        let shaders = if shaders.is_empty() { "none".to_owned() } else { shaders.join(", ") };
        table.row([row.name.to_owned(), row.adapters.to_owned(), shaders]);
    }
    table
}

fn describe(info: AdapterInfo) -> Result<Device> {
    let kept = tuned::row(&info)?;
    let row = kept.unwrap_or_else(|| Row::of(&info));
    let variants = row.variants();
    let shaders = variants
        .iter()
        .filter(|(_, variant)| *variant != "standard")
        .map(|(shader, variant)| format!("{shader}.{variant}"))
        .collect();
    let hint = info.mesa().filter(|mesa| info.is_software() && *mesa < FAST_MESA).map(|(major, minor)| {
        format!(
            "Mesa {major}.{minor}'s software driver is several times slower than that of Mesa {} or later. \
             On Debian 12: apt install -t bookworm-backports mesa-vulkan-drivers",
            FAST_MESA.0
        )
    });
    Ok(Device { picked: info.index == 0, variant: row.name, tuned: kept.is_some(), shaders, hint, info })
}

/// Why the first adapter of the list is picked.
fn why_first(adapters: &[AdapterInfo]) -> String {
    let Some(first) = adapters.first() else { return String::new() };
    if adapters.len() == 1 {
        return "the only adapter".into();
    }
    let same = adapters.iter().filter(|other| other.kind == first.kind).count();
    let kind = match first.kind {
        AdapterType::Discrete => "discrete GPU",
        AdapterType::Integrated => "integrated GPU, and there is no discrete one",
        AdapterType::Virtual => "virtual GPU, and there is no physical one",
        AdapterType::Other => "adapter that is no software driver",
        AdapterType::Software => "software adapter, and there is no GPU",
    };
    if same > 1 { format!("the first of {same}: {kind}") } else { format!("the only {kind}") }
}

fn block(device: &Device) -> String {
    let info = &device.info;
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    let kib = |bytes: u64| format!("{} KiB", bytes >> 10);
    let subgroups = match info.subgroup_max {
        0 => "none".into(),
        max if max == info.subgroup_min => format!("of {max}"),
        max => format!("of {} to {max}", info.subgroup_min),
    };
    let yes_no = |flag| if flag { "yes" } else { "no" };
    let mut lines = vec![
        format!("{} {info}", info.index),
        format!("  driver       {}", info.driver),
        format!(
            "  storage      {} a binding, {} a buffer, {} buffers a shader",
            mib(info.storage_binding_bytes),
            mib(info.buffer_bytes),
            info.storage_buffers
        ),
        format!("  uniform      {} a binding", kib(info.uniform_binding_bytes)),
        format!(
            "  workgroup    {} invocations, {}",
            info.workgroup_invocations,
            kib(u64::from(info.workgroup_bytes))
        ),
        format!("  subgroups    {subgroups}"),
        format!("  timestamps   {}", yes_no(info.timestamps)),
        format!("  f16          {}", yes_no(info.f16)),
        format!("  int64        {}", yes_no(info.int64)),
        format!(
            "  textures     {}",
            if info.shares_memory { "can share memory with buffers" } else { "in memory of their own" }
        ),
        format!(
            "  variant      {}, {}",
            device.variant,
            if device.tuned { "measured and kept by gpu-bearing tune" } else { "by the table below" }
        ),
    ];
    lines.extend(device.hint.iter().map(|hint| format!("  hint         {hint}")));
    lines.push(String::new());
    lines.join("\n")
}
