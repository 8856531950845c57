// lstm: the recurrent part of an LSTM layer; one workgroup walks one sequence through time.
//
// Gate order i, f, g, o. Before the launch `gates` (N, T, 4H) holds x W_ih + b. With h, c of the step before:
//
//   z = gates[n, t] + h W_hh;  i = sigmoid(z_i), f = sigmoid(z_f), g = tanh(z_g), o = sigmoid(z_o)
//   c' = f c + i g;  h' = o tanh(c')
//
// Forward leaves the activated gates in `gates`, h in `h` and c in `c` (N, T + 2, H: row t + 1 is step t, the
// row before the first step is the initial state), the state after the last step in `last` (2, N, H).
// Backward reads them and leaves the gradient of z in `gates`, which is dy of the input projection:
//
//   dh = dy[n, t] + dh';  do = dh tanh(c'), dc = dh o (1 - tanh(c')^2) + dc'
//   dz_i = dc g i (1 - i), dz_f = dc c f (1 - f), dz_g = dc i (1 - g^2), dz_o = do o (1 - o)
//   dc' = dc f;  dh' = dz W_hh^T
//
// with dh', dc' of the step after, at first dlast; what remains at the first step is dstate.
// `reverse` walks from a sequence's last step to its first; its initial state stands in the row after the
// last step. Steps past lengths[n] (at least 1) give dz = 0 and, that row aside, y = 0.

override UNITS: u32 = 32u;     // H
override WORKGROUP: u32 = 32u; // at most 256; a lane owns units lane, lane + WORKGROUP, ...

struct Shape {
    batch: u32,       // N
    steps: u32,       // T
    h_start: u32,     // elements before step 0 of the first sequence in h: at least one row
    h_sequence: u32,  // elements from one sequence of h to the next
    dy_start: u32,
    dy_sequence: u32,
    has_dy: u32,      // 0: only the last step has a gradient, from dlast
    reverse: u32,
    x_start: u32,     // these four where the walk projects, as in `subgroup` alone
    x_sequence: u32,
    d_sequence: u32,
    db_start: u32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read_write> gates: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;          // W_hh (H, 4H)
@group(0) @binding(3) var<storage, read> lengths: array<u32>;    // (N)
@group(0) @binding(4) var<storage, read> state: array<f32>;      // (2, N, H): h, c before the first step
@group(0) @binding(5) var<storage, read_write> h: array<f32>;
@group(0) @binding(6) var<storage, read_write> c: array<f32>;
@group(0) @binding(7) var<storage, read_write> last: array<f32>; // (2, N, H)
@group(0) @binding(8) var<storage, read> dy: array<f32>;         // (N, T, H)
@group(0) @binding(9) var<storage, read> dlast: array<f32>;      // (2, N, H)
@group(0) @binding(10) var<storage, read_write> dstate: array<f32>; // (2, N, H)

// Two generations, so that one barrier a step suffices.
var<workgroup> hidden: array<f32, 2 * UNITS>;
var<workgroup> dz: array<f32, 8 * UNITS>;

// exp(40) and tanh's argument at 15 are far past where f32 saturates and far before any driver overflows.
fn sigmoid(x: f32) -> f32 {
    return 1.0 / (1.0 + exp(-clamp(x, -40.0, 40.0)));
}

fn bounded_tanh(x: f32) -> f32 {
    return tanh(clamp(x, -15.0, 15.0));
}

// The row of the s-th step in walking order.
fn time_of(s: u32, length: u32) -> u32 {
    return select(s, length - 1u - s, shape.reverse != 0u);
}

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let n = group.x;
    let length = min(lengths[n], shape.steps);
    let h_base = shape.h_start + n * shape.h_sequence;
    let c_base = (n * (shape.steps + 2u) + 1u) * UNITS;
    // The initial state stands in the row from which the first step comes.
    let before = select(0u, length + 1u, shape.reverse != 0u);
    for (var j = lane; j < UNITS; j += WORKGROUP) {
        let h0 = state[n * UNITS + j];
        hidden[j] = h0;
        h[h_base + before * UNITS + j - UNITS] = h0;
        c[c_base + before * UNITS + j - UNITS] = state[(shape.batch + n) * UNITS + j];
    }
    for (var s = 0u; s < shape.steps; s++) {
        workgroupBarrier();
        let now = (s & 1u) * UNITS;
        let next = UNITS - now;
        for (var j = lane; j < UNITS; j += WORKGROUP) {
            if s >= length {
                hidden[next + j] = hidden[now + j];
                if s > length || shape.reverse == 0u {
                    h[h_base + s * UNITS + j] = 0.0;
                }
                continue;
            }
            let t = time_of(s, length);
            let z = (n * shape.steps + t) * 4u * UNITS + j;
            var sum = vec4f(gates[z], gates[z + UNITS], gates[z + 2u * UNITS], gates[z + 3u * UNITS]);
            for (var k = 0u; k < UNITS; k++) {
                let at = k * 4u * UNITS + j;
                sum += hidden[now + k] * vec4f(w[at], w[at + UNITS], w[at + 2u * UNITS], w[at + 3u * UNITS]);
            }
            let i = sigmoid(sum.x);
            let f = sigmoid(sum.y);
            let g = bounded_tanh(sum.z);
            let o = sigmoid(sum.w);
            let previous = select(t, t + 2u, shape.reverse != 0u);
            let cell = f * c[c_base + previous * UNITS + j - UNITS] + i * g;
            let value = o * bounded_tanh(cell);
            gates[z] = i;
            gates[z + UNITS] = f;
            gates[z + 2u * UNITS] = g;
            gates[z + 3u * UNITS] = o;
            c[c_base + t * UNITS + j] = cell;
            h[h_base + t * UNITS + j] = value;
            hidden[next + j] = value;
        }
    }
    let end = time_of(length - 1u, length);
    for (var j = lane; j < UNITS; j += WORKGROUP) {
        last[n * UNITS + j] = h[h_base + end * UNITS + j];
        last[(shape.batch + n) * UNITS + j] = c[c_base + end * UNITS + j];
    }
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let n = group.x;
    let length = min(lengths[n], shape.steps);
    let c_base = (n * (shape.steps + 2u) + 1u) * UNITS;
    let dy_base = shape.dy_start + n * shape.dy_sequence;
    for (var j = lane; j < UNITS; j += WORKGROUP) {
        dstate[n * UNITS + j] = dlast[n * UNITS + j];
        dstate[(shape.batch + n) * UNITS + j] = dlast[(shape.batch + n) * UNITS + j];
    }
    for (var walked = 0u; walked < shape.steps; walked++) {
        let s = shape.steps - 1u - walked;
        let generation = (s & 1u) * 4u * UNITS;
        for (var j = lane; j < UNITS; j += WORKGROUP) {
            if s >= length {
                let z = (n * shape.steps + s) * 4u * UNITS + j;
                gates[z] = 0.0;
                gates[z + UNITS] = 0.0;
                gates[z + 2u * UNITS] = 0.0;
                gates[z + 3u * UNITS] = 0.0;
                continue;
            }
            let t = time_of(s, length);
            let z = (n * shape.steps + t) * 4u * UNITS + j;
            let i = gates[z];
            let f = gates[z + UNITS];
            let g = gates[z + 2u * UNITS];
            let o = gates[z + 3u * UNITS];
            let previous = select(t, t + 2u, shape.reverse != 0u);
            let before = c[c_base + previous * UNITS + j - UNITS];
            let tanh_c = bounded_tanh(c[c_base + t * UNITS + j]);
            var dh = dstate[n * UNITS + j];
            if shape.has_dy != 0u {
                dh += dy[dy_base + t * UNITS + j];
            }
            let dc = dh * o * (1.0 - tanh_c * tanh_c) + dstate[(shape.batch + n) * UNITS + j];
            let dz_i = dc * g * i * (1.0 - i);
            let dz_f = dc * before * f * (1.0 - f);
            let dz_g = dc * i * (1.0 - g * g);
            let dz_o = dh * tanh_c * o * (1.0 - o);
            dstate[(shape.batch + n) * UNITS + j] = dc * f;
            gates[z] = dz_i;
            gates[z + UNITS] = dz_f;
            gates[z + 2u * UNITS] = dz_g;
            gates[z + 3u * UNITS] = dz_o;
            dz[generation + j] = dz_i;
            dz[generation + UNITS + j] = dz_f;
            dz[generation + 2u * UNITS + j] = dz_g;
            dz[generation + 3u * UNITS + j] = dz_o;
        }
        workgroupBarrier();
        for (var j = lane; j < UNITS; j += WORKGROUP) {
            if s >= length {
                continue;
            }
            var dh = 0.0;
            for (var k = 0u; k < 4u * UNITS; k++) {
                dh += w[j * 4u * UNITS + k] * dz[generation + k];
            }
            dstate[n * UNITS + j] = dh;
        }
    }
}
