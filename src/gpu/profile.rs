//! The time of each launch of a plan.

use std::time::Instant;

use super::adapter::Gpu;
use super::executor::{Compiled, Submission};
use crate::{Error, Result};

/// How launches were timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// By the device's timestamps, within the run of the whole plan.
    Timestamps,
    /// Each launch submitted and waited for alone, the submission's own cost included.
    Alone,
}

impl Gpu {
    /// The clock that [`Gpu::time_launches`] uses on this adapter.
    pub fn clock(&self) -> Clock {
        if self.info.timestamps { Clock::Timestamps } else { Clock::Alone }
    }

    /// Seconds of each launch of one run of `compiled` at `step`.
    ///
    /// # Errors
    /// What the device reported.
    pub fn time_launches(&self, compiled: &Compiled, step: usize) -> Result<Vec<f64>> {
        match self.clock() {
            Clock::Timestamps => self.time_by_timestamps(compiled, step),
            Clock::Alone => (0..compiled.launches())
                .map(|index| {
                    let start = Instant::now();
                    let mut encoder = self.device.create_command_encoder(&Default::default());
                    compiled.dispatch(index, step, &mut encoder.begin_compute_pass(&Default::default()));
                    self.wait(&Submission(self.queue.submit([encoder.finish()])))?;
                    Ok(start.elapsed().as_secs_f64())
                })
                .collect(),
        }
    }

    fn time_by_timestamps(&self, compiled: &Compiled, step: usize) -> Result<Vec<f64>> {
        let count = 2 * compiled.launches() as u32;
        let queries = self.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("timestamps"),
            ty: wgpu::QueryType::Timestamp,
            count,
        });
        let buffer = |usage| {
            self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("timestamps"),
                size: u64::from(count) * 8,
                usage,
                mapped_at_creation: false,
            })
        };
        let resolved = buffer(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC);
        let staging = buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST);
        let mut encoder = self.device.create_command_encoder(&Default::default());
        for index in 0..compiled.launches() {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: None,
                timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                    query_set: &queries,
                    beginning_of_pass_write_index: Some(2 * index as u32),
                    end_of_pass_write_index: Some(2 * index as u32 + 1),
                }),
            });
            compiled.dispatch(index, step, &mut pass);
        }
        encoder.resolve_query_set(&queries, 0..count, &resolved, 0);
        encoder.copy_buffer_to_buffer(&resolved, 0, &staging, 0, u64::from(count) * 8);
        let submission = Submission(self.queue.submit([encoder.finish()]));
        staging.slice(..).map_async(wgpu::MapMode::Read, |_| {});
        self.wait(&submission)?;
        let view = staging
            .slice(..)
            .get_mapped_range()
            .map_err(|e| Error::failed(format!("{}: timestamps: {e}", self.info.name)))?;
        let ticks: &[u64] = bytemuck::cast_slice(&view);
        let nanoseconds = f64::from(self.queue.get_timestamp_period());
        Ok(ticks.chunks(2).map(|t| t[1].saturating_sub(t[0]) as f64 * nanoseconds * 1e-9).collect())
    }
}
