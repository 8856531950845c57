//! The kernels of plans compiled on all cores at once, before the first of them runs.

use std::cmp::Reverse;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::adapter::Gpu;
use super::executor::Submission;
use super::plan::{Kernel, Launch, Plan};
use super::shader::{Access, Texel};
use crate::Result;

/// Bytes behind each binding of a kernel that is only rehearsed: the largest array of known length has as many, a
/// uniform binding of 64 KiB.
const REHEARSAL: u64 = 65_536;

/// A device has threads and memory of its own, and there are few long kernels.
const MOST_DEVICES: usize = 8;

/// A long kernel that was ready sooner came from the driver's shader cache.
const COMPILES: Duration = Duration::from_millis(100);

impl Gpu {
    /// Compiles the kernels of `plans` that this device has not yet, on all cores at once.
    ///
    /// Mesa's software adapter makes machine code of a kernel only at its first dispatch, one kernel after the other
    /// in the thread of the device's queue, and keeps it in its shader cache. So there each core rehearses kernels on
    /// a device of its own, from the longest file on until one is ready at once; this device finds the code in the
    /// cache. Where that cache is switched off, this only costs time.
    ///
    /// # Errors
    /// What naga or the driver says of a kernel.
    pub fn precompile(&self, plans: &[&Plan]) -> Result<()> {
        let mut kernels: Vec<&Kernel> = Vec::new();
        for Launch { kernel, .. } in plans.iter().flat_map(|plan| &plan.launches) {
            if !kernels.contains(&kernel) && !self.has_pipeline(kernel) {
                kernels.push(kernel);
            }
        }
        kernels.sort_by_key(|kernel| Reverse(kernel.file().source.len()));
        let cores =
            thread::available_parallelism().map_or(1, NonZero::get).min(kernels.len()).min(MOST_DEVICES);
        let rehearses = self.info.is_software() && self.info.mesa().is_some() && cores > 1;
        let next = AtomicUsize::new(0);
        let work = || {
            // Where the driver refuses a second device, this one compiles in its own time.
            let mut stage = if rehearses { self.reopen().ok() } else { None };
            while let Some(kernel) = kernels.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.pipeline(kernel)?;
                if let Some(device) = &stage
                    && device.rehearse(kernel)? < COMPILES
                {
                    stage = None;
                }
            }
            Ok(())
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|e| resume_unwind(e)))
        })
    }

    /// Dispatches `kernel` without workgroups; returns how long that took.
    fn rehearse(&self, kernel: &Kernel) -> Result<Duration> {
        let pipeline = self.pipeline(kernel)?;
        let buffer = |usage| {
            self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("rehearsal"),
                size: REHEARSAL,
                usage,
                mapped_at_creation: false,
            })
        };
        // Within a dispatch, what is written is not read through another binding.
        let read = buffer(wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::UNIFORM);
        let written = buffer(wgpu::BufferUsages::STORAGE);
        let views = [Texel::Float, Texel::Uint]
            .map(|texel| self.device.create_texture(&texel.texture([1, 1])).create_view(&Default::default()));
        let entries: Vec<wgpu::BindGroupEntry<'_>> = pipeline
            .entry
            .bindings
            .iter()
            .map(|binding| wgpu::BindGroupEntry {
                binding: binding.number,
                resource: match binding.access {
                    Access::ReadWrite => written.as_entire_binding(),
                    Access::Read | Access::Uniform => read.as_entire_binding(),
                    Access::Texture(Texel::Float) => wgpu::BindingResource::TextureView(&views[0]),
                    Access::Texture(Texel::Uint) => wgpu::BindingResource::TextureView(&views[1]),
                },
            })
            .collect();
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("rehearsal"),
            layout: &pipeline.layout,
            entries: &entries,
        });
        let per_step = pipeline.entry.bindings.iter().any(|binding| binding.name == "step");
        let start = Instant::now();
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&pipeline.pipeline);
            pass.set_bind_group(0, &group, if per_step { &[0] } else { &[] });
            pass.dispatch_workgroups(0, 0, 0);
        }
        self.wait(&Submission(self.queue.submit([encoder.finish()])))?;
        Ok(start.elapsed())
    }
}
