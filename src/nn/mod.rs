//! The network: its description, its layers lowered to a plan of kernels, its parameters.

pub mod model;

pub use model::{Layer, LayerKind, Model, Padding};
