//! Tests on an adapter. Without one every trial is reported as ignored, and with
//! `GPU_BEARING_REQUIRE_ADAPTER=1` that is a failure.

#[path = "../goldens/mod.rs"]
mod goldens;

mod device;
mod explain;
mod freeze;
mod kernels;
mod network;
mod pytorch;

use std::process::ExitCode;

use libtest_mimic::Arguments;

use device::Device;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The trials share one device, which reports its errors to whoever asks next.
    arguments.test_threads = Some(1);
    let device = Device::open();
    let modules: [fn(&Device) -> Vec<libtest_mimic::Trial>; 6] =
        [device::trials, kernels::trials, pytorch::trials, network::trials, freeze::trials, explain::trials];
    let trials = modules.iter().flat_map(|trials| trials(&device)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
