// adam.subgroup: one step of Adam (Kingma and Ba, 2015) over the flat parameter buffer, as PyTorch computes it; with
// DECAY one of AdamW (Loshchilov and Hutter, 2019).
//
//   g' = g * clip
//   m = beta1 m + (1 - beta1) g';  v = beta2 v + (1 - beta2) g'^2
//   p = p - step_size * m / (sqrt(v) * second_scale + epsilon) - decay * decays * p
//
// step_size = learning rate / (1 - beta1^t), second_scale = 1 / sqrt(1 - beta2^t) and decay = learning rate * weight
// decay are computed by the host in f64. clip is written by gradient_norm and read only with CLIP. decays is 1 where
// parameters decay and 0 where not, one number a block of BLOCK parameters, and is read only with DECAY. beta1, beta2
// and epsilon are overrides.
//
// This variant needs 64-bit integers. It is made for a software adapter, where two floats as one u64 are loaded and
// stored in the time of one, and where a workgroup costs as much to begin as it takes to update a few parameters: it is
// no larger than a subgroup and updates FOURS times four parameters a lane.

override CLIP: bool = false;
override DECAY: bool = false;
override BETA1: f32 = 0.9;
override BETA2: f32 = 0.999;
// 1 - beta, which f32 cannot form from beta without losing digits.
override BETA1_REST: f32 = 0.1;
override BETA2_REST: f32 = 0.001;
override EPSILON: f32 = 1e-7;

struct Shape {
    count: u32,       // parameters; a multiple of 4, which an invocation updates at once
    first_block: u32, // blocks of parameters before these
}

struct Step {
    first: u32,
    rows: u32,
    counter_low: u32,
    counter_high: u32,
    step_size: f32,
    second_scale: f32,
    decay: f32,
    total_weight: f32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> g: array<vec2<u64>>;
@group(0) @binding(3) var<storage, read> clip: array<f32>;
@group(0) @binding(4) var<storage, read_write> p: array<vec2<u64>>;
@group(0) @binding(5) var<storage, read_write> m: array<vec2<u64>>;
@group(0) @binding(6) var<storage, read_write> v: array<vec2<u64>>;
@group(0) @binding(7) var<storage, read> decays: array<f32>;

const WORKGROUP = 8u;
const FOURS = 16u;
// Parameters that decay alike: tensors begin at multiples of this.
const BLOCK = 64u;

// Two floats of each u64, the lower half first.
fn floats(pairs: vec2<u64>) -> vec4f {
    let low = vec2u(pairs);
    let high = vec2u(pairs >> vec2u(32u));
    return bitcast<vec4f>(vec4u(low.x, high.x, low.y, high.y));
}

fn pairs(floats: vec4f) -> vec2<u64> {
    let words = bitcast<vec4u>(floats);
    return vec2<u64>(words.xz) | vec2<u64>(words.yw) << vec2u(32u);
}

@compute @workgroup_size(WORKGROUP)
fn update(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = (group.y * groups.x + group.x) * WORKGROUP * FOURS + lane;
    for (var i = first; i < min(first + WORKGROUP * FOURS, shape.count / 4u); i += WORKGROUP) {
        var gradient = floats(g[i]);
        if CLIP {
            gradient *= clip[0];
        }
        let before = floats(p[i]);
        let mean = BETA1 * floats(m[i]) + BETA1_REST * gradient;
        let square = BETA2 * floats(v[i]) + BETA2_REST * gradient * gradient;
        m[i] = pairs(mean);
        v[i] = pairs(square);
        var change = step.step_size * mean / (sqrt(square) * step.second_scale + EPSILON);
        if DECAY {
            change += step.decay * decays[shape.first_block + i / (BLOCK / 4u)] * before;
        }
        p[i] = pairs(before - change);
    }
}
