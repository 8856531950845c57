//! Every shader again in plain f64 loops, against which the device is judged.
//!
//! A twin has the name of the shader's entry point and takes the entry's bindings in their order. Tensors are
//! dense here, (N, L, C) without padding: where an element stands on the device is part of what is judged.
//! [`cases`] is the table of cases that the tests and `gpu-bearing check` share.

pub mod adam;
pub mod average_pool1d;
pub mod case;
pub mod cases;
pub mod compare;
pub mod conv1d;
pub mod conv2d;
pub mod dropout;
pub mod gather;
pub mod gradient_norm;
pub mod gradient_sum;
pub mod lstm;
pub mod max_pool1d;
pub mod max_pool2d;
mod pcg4d;
pub mod relu;
pub mod roof;
pub mod softmax_cross_entropy;
