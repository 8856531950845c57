//! The network: its description, its layers lowered to a plan of kernels, its parameters.

pub mod adam;
pub mod average_pool1d;
pub mod checkpoint;
pub mod conv1d;
pub mod conv1d_max_pool1d;
pub mod conv2d;
pub mod dropout;
pub mod gather;
pub mod gradient_sum;
pub mod initialise;
pub mod lower;
pub mod lstm;
pub mod max_pool1d;
pub mod max_pool2d;
pub mod model;
pub mod network;
pub mod parameters;
pub mod relu;
pub mod softmax_cross_entropy;
mod stages;
pub mod tensor;
pub mod tuned;
pub mod variants;

pub use checkpoint::{Checkpoint, Scaling, TrainingState};
pub use initialise::initialise;
pub use model::{Layer, LayerKind, Model, Padding, Shape};
pub use network::Network;
pub use parameters::ParameterTable;
pub use tensor::Tensor;
pub use variants::Variants;
