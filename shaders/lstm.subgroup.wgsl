// lstm.subgroup: the recurrent part of an LSTM layer; LANES lanes of a subgroup walk one sequence through time.
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
//
// This variant needs subgroups of WORKGROUP invocations, 64-bit integers, and at most LARGEST_UNITS units, in whole
// vec4s. It is made for a software adapter of eight lanes, where a load costs as much as ten multiply-adds and a
// shuffle next to nothing. So a lane holds its share of W_hh, four units of all gates against all units, in up to
// 512 registers (the adapter's stack) from the first step to the last; h, c and their gradients never leave the
// registers either, and a step loads and stores only what is its own, four floats at once as two u64.

override UNITS: u32 = 32u; // H
override LANES: u32 = 8u;  // a power of two, at least UNITS / 4; a subgroup walks WORKGROUP / LANES sequences

struct Shape {
    batch: u32,       // N
    steps: u32,       // T
    h_start: u32,     // elements before step 0 of the first sequence in h: at least one row
    h_sequence: u32,  // elements from one sequence of h to the next
    dy_start: u32,
    dy_sequence: u32,
    has_dy: u32,      // 0: only the last step has a gradient, from dlast
    reverse: u32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read_write> gates: array<vec2<u64>>;
@group(0) @binding(2) var<storage, read> w: array<vec2<u64>>;          // W_hh (H, 4H)
@group(0) @binding(3) var<storage, read> lengths: array<u32>;          // (N)
@group(0) @binding(4) var<storage, read> state: array<vec2<u64>>;      // (2, N, H): h, c before the first step
@group(0) @binding(5) var<storage, read_write> h: array<vec2<u64>>;
@group(0) @binding(6) var<storage, read_write> c: array<vec2<u64>>;
@group(0) @binding(7) var<storage, read_write> last: array<vec2<u64>>; // (2, N, H)
@group(0) @binding(8) var<storage, read> dy: array<vec2<u64>>;         // (N, T, H)
@group(0) @binding(9) var<storage, read> dlast: array<vec2<u64>>;      // (2, N, H)
@group(0) @binding(10) var<storage, read_write> dstate: array<vec2<u64>>; // (2, N, H)

const WORKGROUP = 8u;
const LARGEST_UNITS = 32u;
const COLUMNS = 4u; // units of a lane

// One gate's weights between a lane's four units and all: [lane of the sequence][unit of that lane].
alias Weights = array<array<vec4f, COLUMNS>, LARGEST_UNITS / COLUMNS>;

// Two floats of each u64, the lower half first.
fn floats(pairs: vec2<u64>) -> vec4f {
    let low = vec2u(pairs);
    let high = vec2u(pairs >> vec2u(32u));
    return bitcast<vec4f>(vec4u(low.x, high.x, low.y, high.y));
}

fn pairs(values: vec4f) -> vec2<u64> {
    let words = bitcast<vec4u>(values);
    return vec2<u64>(words.xz) | (vec2<u64>(words.yw) << vec2u(32u));
}

// exp(40) is far past where f32 saturates and far before any driver overflows.
fn sigmoid(x: vec4f) -> vec4f {
    return 1.0 / (1.0 + exp(-clamp(x, vec4f(-40.0), vec4f(40.0))));
}

// tanh by one exponential; drivers take two.
fn tanh_of(x: vec4f) -> vec4f {
    return 2.0 * sigmoid(2.0 * x) - 1.0;
}

// sum + the products of the four units of the sequence's j-th lane
fn along(sum: vec4f, values: vec4f, first: u32, j: u32, weights: array<vec4f, COLUMNS>) -> vec4f {
    var s = sum;
    if j * COLUMNS < UNITS {
        s += subgroupShuffle(values.x, first + j) * weights[0];
        s += subgroupShuffle(values.y, first + j) * weights[1];
        s += subgroupShuffle(values.z, first + j) * weights[2];
        s += subgroupShuffle(values.w, first + j) * weights[3];
    }
    return s;
}

// sum + the products of all units of the sequence, whose lanes begin at `first`
fn product(sum: vec4f, values: vec4f, first: u32, weights: ptr<function, Weights>) -> vec4f {
    var s = sum;
    s = along(s, values, first, 0u, (*weights)[0]);
    s = along(s, values, first, 1u, (*weights)[1]);
    s = along(s, values, first, 2u, (*weights)[2]);
    s = along(s, values, first, 3u, (*weights)[3]);
    s = along(s, values, first, 4u, (*weights)[4]);
    s = along(s, values, first, 5u, (*weights)[5]);
    s = along(s, values, first, 6u, (*weights)[6]);
    s = along(s, values, first, 7u, (*weights)[7]);
    return s;
}

// Four columns of W_hh in a row, from `column` on.
fn row_of_w(row: u32, column: u32) -> vec4f {
    return floats(w[(row * 4u * UNITS + column) / 4u]);
}

// The four units of the sequence's j-th lane as rows of W_hh, in four columns from `column` on.
fn rows(j: u32, column: u32) -> array<vec4f, COLUMNS> {
    return array<vec4f, COLUMNS>(
        row_of_w(j * COLUMNS + 0u, column),
        row_of_w(j * COLUMNS + 1u, column),
        row_of_w(j * COLUMNS + 2u, column),
        row_of_w(j * COLUMNS + 3u, column),
    );
}

// The four units of the sequence's j-th lane as columns of a gate of W_hh, in four rows from `row` on.
fn columns(j: u32, gate: u32, row: u32) -> array<vec4f, COLUMNS> {
    let column = gate * UNITS + j * COLUMNS;
    let a = row_of_w(row + 0u, column);
    let b = row_of_w(row + 1u, column);
    let c = row_of_w(row + 2u, column);
    let d = row_of_w(row + 3u, column);
    return array<vec4f, COLUMNS>(
        vec4f(a.x, b.x, c.x, d.x),
        vec4f(a.y, b.y, c.y, d.y),
        vec4f(a.z, b.z, c.z, d.z),
        vec4f(a.w, b.w, c.w, d.w),
    );
}

// Puts the weights of a lane before those of the lanes after it. Filled so, and not at an index that a loop counts,
// they stay in registers; filled without a loop they would take the driver ten seconds to compile.
fn prepend(weights: ptr<function, Weights>, next: array<vec4f, COLUMNS>) {
    (*weights)[7] = (*weights)[6];
    (*weights)[6] = (*weights)[5];
    (*weights)[5] = (*weights)[4];
    (*weights)[4] = (*weights)[3];
    (*weights)[3] = (*weights)[2];
    (*weights)[2] = (*weights)[1];
    (*weights)[1] = (*weights)[0];
    (*weights)[0] = next;
}

// What a lane owns: four units of a sequence. One that owns nothing walks with the last and stores nothing.
struct Own {
    n: u32,
    unit: u32,
    first: u32, // the sequence's first lane
    stores: bool,
    length: u32,
}

fn own(index: u32, lane: u32) -> Own {
    let part = lane % LANES;
    let n = index * (WORKGROUP / LANES) + lane / LANES;
    let inside = min(n, shape.batch - 1u);
    let unit = part * COLUMNS;
    let stores = n < shape.batch && unit < UNITS;
    let length = min(lengths[inside], shape.steps);
    return Own(inside, min(unit, UNITS - COLUMNS), lane - part, stores, length);
}

// The row of the s-th step in walking order; past the end that of the last.
fn time_of(s: u32, length: u32) -> u32 {
    let inside = min(s, length - 1u);
    return select(inside, length - 1u - inside, shape.reverse != 0u);
}

@compute @workgroup_size(WORKGROUP)
fn forward(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let own = own(group.y * groups.x + group.x, lane);
    var w_i: Weights;
    var w_f: Weights;
    var w_g: Weights;
    var w_o: Weights;
    for (var lanes = UNITS / COLUMNS; lanes > 0u; lanes--) {
        let j = lanes - 1u;
        prepend(&w_i, rows(j, 0u * UNITS + own.unit));
        prepend(&w_f, rows(j, 1u * UNITS + own.unit));
        prepend(&w_g, rows(j, 2u * UNITS + own.unit));
        prepend(&w_o, rows(j, 3u * UNITS + own.unit));
    }
    let h_base = shape.h_start + own.n * shape.h_sequence + own.unit;
    let c_base = (own.n * (shape.steps + 2u) + 1u) * UNITS + own.unit;
    let state_h = own.n * UNITS + own.unit;
    let state_c = (shape.batch + own.n) * UNITS + own.unit;
    // The initial state stands in the row from which the first step comes.
    let before = select(0u, own.length + 1u, shape.reverse != 0u);
    var hidden = floats(state[state_h / 4u]);
    var cell = floats(state[state_c / 4u]);
    if own.stores {
        h[(h_base + before * UNITS - UNITS) / 4u] = pairs(hidden);
        c[(c_base + before * UNITS - UNITS) / 4u] = pairs(cell);
    }
    // Every lane takes part in the shuffles, up to the longest sequence's end.
    let longest = subgroupMax(own.length);
    for (var s = 0u; s < longest; s++) {
        let t = time_of(s, own.length);
        let z = (own.n * shape.steps + t) * 4u * UNITS + own.unit;
        let i = sigmoid(product(floats(gates[z / 4u]), hidden, own.first, &w_i));
        let f = sigmoid(product(floats(gates[(z + UNITS) / 4u]), hidden, own.first, &w_f));
        let g = tanh_of(product(floats(gates[(z + 2u * UNITS) / 4u]), hidden, own.first, &w_g));
        let o = sigmoid(product(floats(gates[(z + 3u * UNITS) / 4u]), hidden, own.first, &w_o));
        if s < own.length {
            cell = f * cell + i * g;
            hidden = o * tanh_of(cell);
        }
        if s < own.length && own.stores {
            gates[z / 4u] = pairs(i);
            gates[(z + UNITS) / 4u] = pairs(f);
            gates[(z + 2u * UNITS) / 4u] = pairs(g);
            gates[(z + 3u * UNITS) / 4u] = pairs(o);
            c[(c_base + t * UNITS) / 4u] = pairs(cell);
            h[(h_base + t * UNITS) / 4u] = pairs(hidden);
        }
    }
    if own.stores {
        last[state_h / 4u] = pairs(hidden);
        last[state_c / 4u] = pairs(cell);
        for (var s = own.length; s < shape.steps; s++) {
            if s > own.length || shape.reverse == 0u {
                h[(h_base + s * UNITS) / 4u] = vec2<u64>();
            }
        }
    }
}

@compute @workgroup_size(WORKGROUP)
fn backward(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let own = own(group.y * groups.x + group.x, lane);
    var w_i: Weights;
    var w_f: Weights;
    var w_g: Weights;
    var w_o: Weights;
    for (var lanes = UNITS / COLUMNS; lanes > 0u; lanes--) {
        let j = lanes - 1u;
        prepend(&w_i, columns(j, 0u, own.unit));
        prepend(&w_f, columns(j, 1u, own.unit));
        prepend(&w_g, columns(j, 2u, own.unit));
        prepend(&w_o, columns(j, 3u, own.unit));
    }
    let z_base = own.n * shape.steps * 4u * UNITS + own.unit;
    let c_base = (own.n * (shape.steps + 2u) + 1u) * UNITS + own.unit;
    let dy_base = shape.dy_start + own.n * shape.dy_sequence + own.unit;
    let state_h = own.n * UNITS + own.unit;
    let state_c = (shape.batch + own.n) * UNITS + own.unit;
    var dh_after = floats(dlast[state_h / 4u]);
    var dc_after = floats(dlast[state_c / 4u]);
    var cell = floats(c[(c_base + time_of(own.length - 1u, own.length) * UNITS) / 4u]);
    for (var left = subgroupMax(own.length); left > 0u; left--) {
        let s = left - 1u;
        let t = time_of(s, own.length);
        let z = z_base + t * 4u * UNITS;
        let i = floats(gates[z / 4u]);
        let f = floats(gates[(z + UNITS) / 4u]);
        let g = floats(gates[(z + 2u * UNITS) / 4u]);
        let o = floats(gates[(z + 3u * UNITS) / 4u]);
        let previous = select(t, t + 2u, shape.reverse != 0u);
        let before = floats(c[(c_base + previous * UNITS - UNITS) / 4u]);
        let tanh_c = tanh_of(cell);
        var dh = dh_after;
        if shape.has_dy != 0u {
            dh += floats(dy[(dy_base + t * UNITS) / 4u]);
        }
        let dc = dh * o * (1.0 - tanh_c * tanh_c) + dc_after;
        let dz_i = dc * g * i * (1.0 - i);
        let dz_f = dc * before * f * (1.0 - f);
        let dz_g = dc * i * (1.0 - g * g);
        let dz_o = dh * tanh_c * o * (1.0 - o);
        let sum_i = product(vec4f(0.0), dz_i, own.first, &w_i);
        let sum_f = product(vec4f(0.0), dz_f, own.first, &w_f);
        let sum_g = product(vec4f(0.0), dz_g, own.first, &w_g);
        let sum_o = product(vec4f(0.0), dz_o, own.first, &w_o);
        if s < own.length {
            dh_after = (sum_i + sum_f) + (sum_g + sum_o);
            dc_after = dc * f;
            cell = before;
        }
        if s < own.length && own.stores {
            gates[z / 4u] = pairs(dz_i);
            gates[(z + UNITS) / 4u] = pairs(dz_f);
            gates[(z + 2u * UNITS) / 4u] = pairs(dz_g);
            gates[(z + 3u * UNITS) / 4u] = pairs(dz_o);
        }
    }
    if own.stores {
        dstate[state_h / 4u] = pairs(dh_after);
        dstate[state_c / 4u] = pairs(dc_after);
        for (var s = own.length; s < shape.steps; s++) {
            for (var gate = 0u; gate < 4u; gate++) {
                gates[(z_base + (s * 4u + gate) * UNITS) / 4u] = vec2<u64>();
            }
        }
    }
}
