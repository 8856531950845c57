//! Every kernel in every variant against its twin.

use gpu_bearing::reference::cases::cases;
use libtest_mimic::{Failed, Trial};

use crate::device::Device;

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    cases()
        .into_iter()
        .map(|case| {
            device.variant_trial(case.variant, case.to_string(), move |gpu| match case.run(gpu) {
                Ok(_) => Ok(()),
                Err(error) => Err(Failed::from(error.to_string())),
            })
        })
        .collect()
}
