//! Which bearing a recording is of.

use crate::data::Recording;
use crate::data::catalogue::{self, End};
use crate::physics::Bearing;

/// The bearing whose fault frequencies to look for in `recording`: the one that the user has `named`, otherwise, of a
/// CWRU recording, the one at the end of the test rig that carries the fault; healthy ones are looked at as the
/// drive end's.
pub fn bearing_of(recording: &Recording, named: Option<&Bearing>) -> Option<Bearing> {
    let of_cwru = || {
        let entry = catalogue::by_number(recording.facts.cwru?)?;
        Some(if entry.fault_end == Some(End::Fan) { Bearing::skf_6203() } else { Bearing::skf_6205() })
    };
    named.cloned().or_else(of_cwru)
}
