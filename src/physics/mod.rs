//! What is known of bearings without learning: at which frequencies a damaged part strikes, and whether a signal shows
//! them. Pure host code over samples; knows nothing of networks, devices, files or pages.
//!
//! [`bearing`] turns geometry into fault frequencies, [`envelope`] a signal into its squared-envelope spectra,
//! [`evidence`] weighs the lines of each fault in them, and [`features`] describes windows for plain classifiers.

pub mod bearing;
pub mod envelope;
pub mod evidence;
pub mod features;

pub use bearing::{Bearing, Fault};
pub use evidence::{Evidence, FaultEvidence, Line, diagnose};
pub use features::Features;
