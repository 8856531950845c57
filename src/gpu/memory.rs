//! Which buffers share memory: scratch of which no two are in use at the same time.
//!
//! A buffer is in use from the first launch of a run that binds it to the last. Buffers share whole device buffers,
//! not parts of one: a launch may not read and write parts of the same.

use std::cmp::Reverse;
use std::ops::Range;

use super::plan::{Arena, BufferId, Launch};

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

/// Most elements in use at the same time in a run: of `arena`, whose buffers `held` are in use all the time, and those
/// that a launch reads as `copied` operands.
pub fn live_elements(
    arena: &Arena,
    run: &[&Launch],
    held: &[BufferId],
    copied: impl Fn(&Launch) -> usize,
) -> usize {
    let lives = lives(arena, run.iter().copied());
    let mut live: Vec<usize> = run.iter().map(|launch| copied(launch)).collect();
    live.resize(run.len().max(1), 0);
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
