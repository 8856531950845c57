//! The network: its description, its layers lowered to a plan of kernels, its parameters.

pub mod model;
pub mod parameters;

pub use model::{Layer, LayerKind, Model, Padding, Shape};
pub use parameters::ParameterTable;
