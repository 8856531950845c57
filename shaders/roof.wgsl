// roof: the most that an adapter moves and computes, against which the other kernels are held.
//
//   copy:          y = x
//   multiply_add:  a_j = x + j for j = 0 .. 11; 4 * rounds times a_j = m a_j + c; y = the sum of a_j
//
// The twelve a_j depend on nothing but themselves, so that a multiply-add need not wait for the one before, and
// with m and c they fit sixteen registers. A turn takes four steps: a software driver puts the steps of one chain behind
// each other, and of longer stretches a processor sees too few chains at once. With |m| < 1 rounding errors do not grow.

struct Shape {
    count: u32,  // elements of y; in fours for copy
    rounds: u32,
    m: f32,
    c: f32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read> x4: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y4: array<vec4f>;

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn copy(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
    if i >= shape.count {
        return;
    }
    y4[i] = x4[i];
}

struct Chains {
    a: vec4f,
    b: vec4f,
    d: vec4f,
}

fn once(chains: Chains, m: vec4f, c: vec4f) -> Chains {
    return Chains(fma(m, chains.a, c), fma(m, chains.b, c), fma(m, chains.d, c));
}

fn four_times(chains: Chains, m: vec4f, c: vec4f) -> Chains {
    return once(once(once(once(chains, m, c), m, c), m, c), m, c);
}

@compute @workgroup_size(WORKGROUP)
fn multiply_add(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
    if i >= shape.count {
        return;
    }
    let m = vec4f(shape.m);
    let c = vec4f(shape.c);
    let first = vec4f(x[i]) + vec4f(0.0, 1.0, 2.0, 3.0);
    var chains = Chains(first, first + 4.0, first + 8.0);
    for (var round = 0u; round < shape.rounds; round++) {
        chains = four_times(chains, m, c);
    }
    y[i] = dot(chains.a + chains.b + chains.d, vec4f(1.0));
}
