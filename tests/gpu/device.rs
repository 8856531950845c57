//! The one device that all trials share.

use std::sync::Arc;

use gpu_bearing::gpu::Gpu;
use gpu_bearing::nn::variants::{ROWS, Row};
use gpu_bearing::nn::{Variants, tuned};
use libtest_mimic::{Failed, Trial};

/// An open adapter, or none.
#[derive(Clone)]
pub(crate) struct Device(Option<Arc<Gpu>>);

/// Makes a missing adapter a failure where it is `1`.
const REQUIRE_ADAPTER: &str = "GPU_BEARING_REQUIRE_ADAPTER";

impl Device {
    /// Opens the adapter that a user without `--adapter` gets, and says which it is.
    pub(crate) fn open() -> Self {
        match Gpu::open(None) {
            Ok(gpu) => {
                eprintln!("adapter: {}", gpu.info);
                Self(Some(Arc::new(gpu)))
            }
            Err(error) => {
                eprintln!("no adapter: {error}");
                Self(None)
            }
        }
    }

    /// A trial that runs `test` on the device; ignored without one.
    pub(crate) fn trial(
        &self,
        name: impl Into<String>,
        test: impl FnOnce(&Gpu) -> Result<(), Failed> + Send + 'static,
    ) -> Trial {
        match self.0.clone() {
            Some(gpu) => Trial::test(name, move || test(&gpu)),
            None => ignored("no adapter", name),
        }
    }

    /// A trial of `variant`; also ignored where the adapter cannot run it.
    pub(crate) fn variant_trial(
        &self,
        variant: &'static str,
        name: impl Into<String>,
        test: impl FnOnce(&Gpu) -> Result<(), Failed> + Send + 'static,
    ) -> Trial {
        match &self.0 {
            Some(gpu) if tuned::choose(&gpu.info, Some(variant)).is_err() => {
                ignored("not on this adapter", name)
            }
            _ => self.trial(name, test),
        }
    }

    /// Trials of every test of a `group` in every row of variants that the adapter runs.
    pub(crate) fn row_trials(&self, group: &str, tests: &[(&str, RowTest)]) -> Vec<Trial> {
        let trial = |(row, (name, test)): (&'static Row, &(&str, RowTest))| {
            let test = *test;
            self.variant_trial(row.name, format!("{group} {}: {name}", row.name), move |gpu| {
                let variants = tuned::choose(&gpu.info, Some(row.name)).map_err(|e| e.to_string())?;
                test(gpu, &variants)
            })
        };
        ROWS.iter().flat_map(|row| tests.iter().map(move |test| (row, test))).map(trial).collect()
    }
}

/// A test of one row of the variants' table.
pub(crate) type RowTest = fn(&Gpu, &Variants) -> Result<(), Failed>;

fn ignored(reason: &'static str, name: impl Into<String>) -> Trial {
    // Asked to run all the same (--include-ignored), it fails for that reason.
    Trial::test(name, move || Err(reason.into())).with_kind(reason).with_ignored_flag(true)
}

/// The trial that fails where an adapter is required and missing.
pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let required = std::env::var(REQUIRE_ADAPTER).is_ok_and(|value| value == "1");
    if required && device.0.is_none() {
        return vec![Trial::test("an adapter is present", || {
            Err(format!("{REQUIRE_ADAPTER}=1, and there is no adapter").into())
        })];
    }
    Vec::new()
}
