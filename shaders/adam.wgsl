// adam: one step of Adam (Kingma and Ba, 2015) over the flat parameter buffer, as PyTorch computes it; with DECAY one
// of AdamW (Loshchilov and Hutter, 2019).
//
//   g' = g * clip
//   m = beta1 m + (1 - beta1) g';  v = beta2 v + (1 - beta2) g'^2
//   p = p - step_size * m / (sqrt(v) * second_scale + epsilon) - decay * decays * p
//
// step_size = learning rate / (1 - beta1^t), second_scale = 1 / sqrt(1 - beta2^t) and decay = learning rate * weight
// decay are computed by the host in f64. clip is written by gradient_norm and read only with CLIP. decays is 1 where
// parameters decay and 0 where not, one number a block of BLOCK parameters, and is read only with DECAY. beta1, beta2
// and epsilon are overrides.

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
@group(0) @binding(2) var<storage, read> g: array<vec4f>;
@group(0) @binding(3) var<storage, read> clip: array<f32>;
@group(0) @binding(4) var<storage, read_write> p: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(7) var<storage, read> decays: array<f32>;

const WORKGROUP = 64u;
const FOURS = 1u; // times four parameters that an invocation updates
// Parameters that decay alike: tensors begin at multiples of this.
const BLOCK = 64u;

@compute @workgroup_size(WORKGROUP)
fn update(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
    if i >= shape.count / 4u {
        return;
    }
    var gradient = g[i];
    if CLIP {
        gradient *= clip[0];
    }
    let first = BETA1 * m[i] + BETA1_REST * gradient;
    let second = BETA2 * v[i] + BETA2_REST * gradient * gradient;
    m[i] = first;
    v[i] = second;
    var change = step.step_size * first / (sqrt(second) * step.second_scale + EPSILON);
    if DECAY {
        change += step.decay * decays[shape.first_block + i / (BLOCK / 4u)] * p[i];
    }
    p[i] -= change;
}
