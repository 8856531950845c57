//! The order in which an epoch visits the training windows.

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::seed::{Purpose, stream};
use super::windows::Window;

/// How often an epoch draws each class (`--balance`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Balance {
    /// All classes equally often: a rare class's windows repeat, a frequent one's take turns over the epochs.
    On,
    /// Every window once.
    Off,
}

/// The indices into `windows` that epoch number `epoch` (from 0) visits, as many as there are windows; a
/// function of the arguments only, so that a resumed run goes on as if it had never stopped.
///
/// Balanced: of n windows in k classes, class c's draws up to and with epoch e number
/// `floor(((e + 1) n + c) / k)`. These sum to (e + 1) n over the classes and differ by at most one, also
/// within an epoch. A class is drawn round and round in one shuffled cycle, so that no window comes up a
/// second time before all of its class did.
pub fn epoch_order(windows: &[Window], seed: u64, epoch: u64, balance: Balance) -> Vec<usize> {
    let mut order: Vec<usize> = match balance {
        Balance::Off => (0..windows.len()).collect(),
        Balance::On => {
            let cycles = cycles_by_class(windows, seed);
            let (n, k) = (windows.len() as u64, cycles.len() as u64);
            cycles
                .iter()
                .zip(0u64..)
                .flat_map(|(cycle, c)| {
                    let drawn = |epochs: u64| (epochs * n + c) / k;
                    (drawn(epoch)..drawn(epoch + 1)).map(|draw| cycle[(draw % cycle.len() as u64) as usize])
                })
                .collect()
        }
    };
    order.shuffle(&mut stream(seed, Purpose::Order, epoch));
    order
}

/// The windows of every class that has any, shuffled once for the whole run.
fn cycles_by_class(windows: &[Window], seed: u64) -> Vec<Vec<usize>> {
    let classes = windows.iter().map(|window| window.label + 1).max().unwrap_or(0);
    let mut cycles = vec![Vec::new(); classes];
    for (index, window) in windows.iter().enumerate() {
        cycles[window.label].push(index);
    }
    for (cycle, label) in cycles.iter_mut().zip(0..) {
        cycle.shuffle(&mut stream(seed, Purpose::Balance, label));
    }
    cycles.retain(|cycle| !cycle.is_empty());
    cycles
}
