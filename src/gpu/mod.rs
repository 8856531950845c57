//! The device: the only place that names wgpu. Adapters, shaders and their reflection, plans and their execution.
//!
//! A [`plan::Plan`] is plain data made elsewhere; [`executor`] turns it into pipelines, bind groups and submissions.

pub mod adapter;
pub mod executor;
pub mod memory;
mod pipeline;
pub mod plan;
mod precompile;
pub mod profile;
#[cfg(target_os = "linux")]
mod raw_memory;
pub mod roof;
pub mod shader;

pub use adapter::Gpu;
pub use executor::{Buffers, Compiled, Submission};
pub use plan::{Binding, BufferId, BufferSpec, Kernel, Launch, Plan, Slice, Value};
