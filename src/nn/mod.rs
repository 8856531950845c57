//! The network: its description, its layers lowered to a plan of kernels, its parameters.

pub mod checkpoint;
pub mod initialise;
pub mod model;
pub mod parameters;

pub use checkpoint::{Checkpoint, Scaling, TrainingState};
pub use initialise::initialise;
pub use model::{Layer, LayerKind, Model, Padding, Shape};
pub use parameters::ParameterTable;
