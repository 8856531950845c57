//! gpu-bearing: train, test and run bearing-fault classifiers on any GPU.
//!
//! Imports run one way: `cli` (in the binary) calls `train` and `report`; `train` calls `nn` and
//! `data`; `nn` calls `gpu`; `data` and `gpu` know none of the others.

pub mod data;
pub mod error;
pub mod gpu;
pub mod nn;
pub mod reference;
pub mod report;
pub mod train;

pub use error::{Error, Result};
