//! How long the diagnosis of the test windows takes.

use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::Run;
use crate::Result;
use crate::gpu::Gpu;
use crate::nn::network::{Network, Options};
use crate::train::bench::Spread;
use crate::train::material::signals;
use crate::train::{Config, Material, RunFolder, scoring_variants};

/// Repeats behind the time; one before them warms up.
const REPEATS: usize = 9;

/// The time that classifying all test windows takes, from the order of the windows to their classes on the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The adapter in words.
    pub adapter: String,
    /// Test windows.
    pub windows: usize,
    /// Of all of them together.
    pub seconds: Spread,
}

/// Measures it with the model of the finished `run`.
///
/// # Errors
/// The run is not finished, its recordings cannot be read, or the device is lost.
pub fn diagnose(gpu: &Gpu, run: &Run, base: &Config, runs: &Path) -> Result<Diagnosis> {
    let checkpoint = RunFolder::open(&runs.join(&run.name))?.read_model()?;
    let mut config = run.config(base, runs);
    let material = Material::load(&mut config, None)?;
    let windows = material.windows();
    let test = windows.len() - material.split.test.len();
    let variants = scoring_variants(&gpu.info, &checkpoint.variants)?;
    let order: Vec<u32> = (test as u32..windows.len() as u32).collect();
    let options = Options::scoring(&gpu.info, &material.model, order.len(), variants)?;
    let recordings = signals(&material.recordings);
    let mut network = Network::new(gpu, &material.model, &recordings, &windows, order.len(), &options)?;
    network.set_parameters(&checkpoint.parameters);
    let mut seconds = Vec::with_capacity(REPEATS);
    for repeat in 0..=REPEATS {
        let begun = Instant::now();
        network.classify(&order, &mut |_| ())?;
        if repeat > 0 {
            seconds.push(begun.elapsed().as_secs_f64());
        }
    }
    Ok(Diagnosis { adapter: gpu.info.to_string(), windows: order.len(), seconds: Spread::of(seconds) })
}
