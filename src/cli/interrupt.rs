//! Ctrl-C, which lets work come to a good end.

use std::sync::atomic::{AtomicBool, Ordering};

use gpu_bearing::{Error, Result};

use super::output;

/// From now on Ctrl-C asks a training to stop; a second one ends the process.
pub(crate) fn catch_interrupts() -> Result<&'static (dyn Fn() -> bool + Sync)> {
    static INTERRUPTED: AtomicBool = AtomicBool::new(false);
    ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::process::exit(130); // what shells report of a process that Ctrl-C has ended
        }
        output::note("finishing the steps under way, then saving; Ctrl-C again ends at once");
    })
    .map_err(|cause| Error::failed(format!("Ctrl-C cannot be caught: {cause}")))?;
    Ok(&|| INTERRUPTED.load(Ordering::SeqCst))
}
