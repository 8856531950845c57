//! Which bearing a recording is of.

use crate::data::catalogue::{self, End};
use crate::data::Recording;
use crate::physics::Bearing;

/// The bearing whose fault frequencies to look for in `recording`: of a CWRU recording the faulty one's, otherwise the one
/// that the user has `named`.
pub fn bearing_of(recording: &Recording, named: Option<&Bearing>) -> Option<Bearing> {
    let entry = recording.facts.cwru.and_then(catalogue::by_number);
    match entry {
        Some(entry) if entry.fault_end == Some(End::Fan) => Some(Bearing::skf_6203()),
        Some(_) => Some(Bearing::skf_6205()),
        None => named.cloned(),
    }
}
