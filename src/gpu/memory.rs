//! Which buffers share memory: scratch of which no two are in use at the same time.
//!
//! A buffer is in use from the first launch of a run that binds it to the last. Buffers share whole device buffers,
//! not parts of one: a launch may not read and write parts of the same.

use std::cmp::Reverse;
use std::ops::Range;

use super::plan::{ALIGNMENT, Arena, BufferId, Launch};

/// The launches of a run, in order, that each buffer of `arena` is in use for: from its first to behind its last.
/// Empty for a buffer that the run does not bind.
pub fn lives<'a>(arena: &Arena, run: impl IntoIterator<Item = &'a Launch>) -> Vec<Range<usize>> {
    let mut lives = vec![0..0; arena.buffers.len()];
    for (index, launch) in run.into_iter().enumerate() {
        for (_, binding) in &launch.bindings {
            let life = &mut lives[binding.buffer().0];
            let first = if life.end == 0 { index } else { life.start };
            *life = first..index + 1;
        }
    }
    lives
}

/// Most elements of `arena` in use at the same time in a run; its buffers `held` are in use all the time.
pub fn live_elements(arena: &Arena, run: &[&Launch], held: &[BufferId]) -> usize {
    let lives = lives(arena, run.iter().copied());
    let mut live = vec![0; run.len().max(1)];
    for (index, buffer) in arena.buffers.iter().enumerate() {
        let span = if held.contains(&BufferId(index)) { 0..live.len() } else { lives[index].clone() };
        live[span].iter_mut().for_each(|elements| *elements += buffer.len);
    }
    live.into_iter().max().unwrap_or(0)
}

/// Puts the scratch buffers of `arena` into as few memories as a greedy choice finds: the largest first, each into the
/// first memory where none is in use at the same time in any of the `runs`.
pub fn share(arena: &mut Arena, runs: &[Vec<&Launch>]) {
    let runs: Vec<Vec<Range<usize>>> = runs.iter().map(|run| lives(arena, run.iter().copied())).collect();
    let apart = |a: usize, b: usize| {
        let overlap =
            |life: &Range<usize>, other: &Range<usize>| life.start.max(other.start) < life.end.min(other.end);
        runs.iter().all(|lives| !overlap(&lives[a], &lives[b]))
    };
    let mut scratch: Vec<usize> = (0..arena.buffers.len()).filter(|i| arena.buffers[*i].scratch).collect();
    scratch.sort_by_key(|index| Reverse(arena.buffers[*index].len));
    let mut memories: Vec<Vec<usize>> = Vec::new();
    for index in scratch {
        match memories.iter_mut().find(|memory| memory.iter().all(|other| apart(index, *other))) {
            Some(memory) => {
                arena.buffers[index].memory = arena.buffers[memory[0]].memory;
                memory.push(index);
            }
            None => memories.push(vec![index]),
        }
    }
}

/// Where a buffer begins: in which allocation, and at which byte of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The allocation, counted from 0.
    pub allocation: usize,
    /// In bytes, a multiple of 256.
    pub offset: u64,
}

/// Buffers of so many bytes one behind the other in allocations of `most` bytes, or of one buffer that is larger: the
/// place of each, and the bytes of each allocation.
pub fn places(sizes: &[u64], most: u64) -> (Vec<Place>, Vec<u64>) {
    let mut allocations: Vec<u64> = Vec::new();
    let place = |size: &u64| {
        let size = size.next_multiple_of(4 * ALIGNMENT as u64);
        if allocations.last().is_none_or(|filled| filled + size > most) {
            allocations.push(0);
        }
        let allocation = allocations.len() - 1;
        let offset = allocations[allocation];
        allocations[allocation] += size;
        Place { allocation, offset }
    };
    (sizes.iter().map(place).collect(), allocations)
}
