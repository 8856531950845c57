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
//
// Of an input of one channel, x (N, T, 1), a step needs one sample, where the projection beforehand writes 4H gates for the
// walk to read. So `forward_one_channel` and `backward_one_channel`, which no other variant has, walk and project: forward
// reads no gates but computes x W_ih + b, backward also leaves the gradients of both for each sequence, which gradient_sum
// adds up:
//
//   dw_ih[n] = sum over t of x[n, t] dz[n, t];  db[n] = sum over t of dz[n, t]

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
    x_start: u32,     // as h_start, of x with one channel
    x_sequence: u32,
    d_sequence: u32,  // elements from one sequence's dw_ih to the next, and of db
    db_start: u32,    // elements before the first sequence's db
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
@group(0) @binding(11) var x: texture_storage_2d<rgba32float, read>;    // (N, T, 1)
@group(0) @binding(12) var w_ih: texture_storage_2d<rgba32float, read>; // (1, 4H)
@group(0) @binding(13) var b: texture_storage_2d<rgba32float, read>;    // (4H)
@group(0) @binding(14) var<storage, read_write> dprojection: array<vec2<u64>>; // dw_ih (N, 4H), then db (N, 4H)

const WORKGROUP = 8u;
const LARGEST_UNITS = 32u;
const COLUMNS = 4u;       // units of a lane
const ROW_TEXELS = 1024u; // texels in a row of a texture

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

// What each gate has for a lane's four units.
struct Gates {
    i: vec4f,
    f: vec4f,
    g: vec4f,
    o: vec4f,
}

// sum + value * weights
fn plus(sum: Gates, value: f32, weights: Gates) -> Gates {
    return Gates(
        sum.i + value * weights.i,
        sum.f + value * weights.f,
        sum.g + value * weights.g,
        sum.o + value * weights.o,
    );
}

// Where a lane's units of the first gate stand in `gates` at step t.
fn gates_of(own: Own, t: u32) -> u32 {
    return (own.n * shape.steps + t) * 4u * UNITS + own.unit;
}

// Where its units stand in c at step t.
fn cell_of(own: Own, t: u32) -> u32 {
    return (own.n * (shape.steps + 2u) + 1u + t) * UNITS + own.unit;
}

// Where its units stand in h at step t.
fn hidden_of(own: Own, t: u32) -> u32 {
    return shape.h_start + own.n * shape.h_sequence + t * UNITS + own.unit;
}

// Where its units stand in (2, N, H), as h and as c.
fn state_of(own: Own) -> vec2u {
    return vec2u(own.n, shape.batch + own.n) * UNITS + own.unit;
}

fn load_gates(at: u32) -> Gates {
    return Gates(
        floats(gates[at / 4u]),
        floats(gates[(at + UNITS) / 4u]),
        floats(gates[(at + 2u * UNITS) / 4u]),
        floats(gates[(at + 3u * UNITS) / 4u]),
    );
}

fn store_gates(at: u32, values: Gates) {
    gates[at / 4u] = pairs(values.i);
    gates[(at + UNITS) / 4u] = pairs(values.f);
    gates[(at + 2u * UNITS) / 4u] = pairs(values.g);
    gates[(at + 3u * UNITS) / 4u] = pairs(values.o);
}

// Where the four elements of an operand from `at` on stand in its texture.
fn texel(at: u32) -> vec2u {
    return vec2u(at / 4u % ROW_TEXELS, at / 4u / ROW_TEXELS);
}

// The sample of x at step t.
fn sample(own: Own, t: u32) -> f32 {
    let at = shape.x_start + own.n * shape.x_sequence + t;
    return textureLoad(x, texel(at))[at % 4u];
}

// A sequence's gradients of W_ih or of b.
fn store_sums(at: u32, values: Gates) {
    dprojection[at / 4u] = pairs(values.i);
    dprojection[(at + UNITS) / 4u] = pairs(values.f);
    dprojection[(at + 2u * UNITS) / 4u] = pairs(values.g);
    dprojection[(at + 3u * UNITS) / 4u] = pairs(values.o);
}

// h and c of a lane's units.
struct State {
    hidden: vec4f,
    cell: vec4f,
}

// The recurrent weights of a lane's units as forward multiplies them.
fn hold_rows(
    w_i: ptr<function, Weights>,
    w_f: ptr<function, Weights>,
    w_g: ptr<function, Weights>,
    w_o: ptr<function, Weights>,
    unit: u32,
) {
    for (var lanes = UNITS / COLUMNS; lanes > 0u; lanes--) {
        let j = lanes - 1u;
        prepend(w_i, rows(j, 0u * UNITS + unit));
        prepend(w_f, rows(j, 1u * UNITS + unit));
        prepend(w_g, rows(j, 2u * UNITS + unit));
        prepend(w_o, rows(j, 3u * UNITS + unit));
    }
}

// The state before the first step; it is left in the row from which that step comes.
fn begin(own: Own) -> State {
    let at = state_of(own);
    let before = State(floats(state[at.x / 4u]), floats(state[at.y / 4u]));
    let row = select(0u, own.length + 1u, shape.reverse != 0u);
    if own.stores {
        h[(hidden_of(own, row) - UNITS) / 4u] = pairs(before.hidden);
        c[(cell_of(own, row) - UNITS) / 4u] = pairs(before.cell);
    }
    return before;
}

// The gates of a step, activated, from the projected input.
fn activated(
    projected: Gates,
    hidden: vec4f,
    first: u32,
    w_i: ptr<function, Weights>,
    w_f: ptr<function, Weights>,
    w_g: ptr<function, Weights>,
    w_o: ptr<function, Weights>,
) -> Gates {
    return Gates(
        sigmoid(product(projected.i, hidden, first, w_i)),
        sigmoid(product(projected.f, hidden, first, w_f)),
        tanh_of(product(projected.g, hidden, first, w_g)),
        sigmoid(product(projected.o, hidden, first, w_o)),
    );
}

// The state after the s-th step, that before being `now`.
fn step(own: Own, s: u32, now: State, gate: Gates) -> State {
    var next = now;
    if s < own.length {
        next.cell = gate.f * now.cell + gate.i * gate.g;
        next.hidden = gate.o * tanh_of(next.cell);
    }
    if s < own.length && own.stores {
        let t = time_of(s, own.length);
        store_gates(gates_of(own, t), gate);
        c[cell_of(own, t) / 4u] = pairs(next.cell);
        h[hidden_of(own, t) / 4u] = pairs(next.hidden);
    }
    return next;
}

// Leaves the state after the last step, and zeros past the sequence's end.
fn end(own: Own, now: State) {
    if own.stores {
        let at = state_of(own);
        last[at.x / 4u] = pairs(now.hidden);
        last[at.y / 4u] = pairs(now.cell);
        for (var t = own.length; t < shape.steps; t++) {
            if t > own.length || shape.reverse == 0u {
                h[hidden_of(own, t) / 4u] = vec2<u64>();
            }
        }
    }
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
    hold_rows(&w_i, &w_f, &w_g, &w_o, own.unit);
    var now = begin(own);
    // Every lane takes part in the shuffles, up to the longest sequence's end.
    let longest = subgroupMax(own.length);
    for (var s = 0u; s < longest; s++) {
        let projected = load_gates(gates_of(own, time_of(s, own.length)));
        now = step(own, s, now, activated(projected, now.hidden, own.first, &w_i, &w_f, &w_g, &w_o));
    }
    end(own, now);
}

@compute @workgroup_size(WORKGROUP)
fn forward_one_channel(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let own = own(group.y * groups.x + group.x, lane);
    var w_i: Weights;
    var w_f: Weights;
    var w_g: Weights;
    var w_o: Weights;
    hold_rows(&w_i, &w_f, &w_g, &w_o, own.unit);
    let i = texel(own.unit);
    let f = texel(own.unit + UNITS);
    let g = texel(own.unit + 2u * UNITS);
    let o = texel(own.unit + 3u * UNITS);
    let weights = Gates(textureLoad(w_ih, i), textureLoad(w_ih, f), textureLoad(w_ih, g), textureLoad(w_ih, o));
    let bias = Gates(textureLoad(b, i), textureLoad(b, f), textureLoad(b, g), textureLoad(b, o));
    var now = begin(own);
    let longest = subgroupMax(own.length);
    for (var s = 0u; s < longest; s++) {
        let projected = plus(bias, sample(own, time_of(s, own.length)), weights);
        now = step(own, s, now, activated(projected, now.hidden, own.first, &w_i, &w_f, &w_g, &w_o));
    }
    end(own, now);
}

// The recurrent weights of a lane's units as backward multiplies them.
fn hold_columns(
    w_i: ptr<function, Weights>,
    w_f: ptr<function, Weights>,
    w_g: ptr<function, Weights>,
    w_o: ptr<function, Weights>,
    unit: u32,
) {
    for (var lanes = UNITS / COLUMNS; lanes > 0u; lanes--) {
        let j = lanes - 1u;
        prepend(w_i, columns(j, 0u, unit));
        prepend(w_f, columns(j, 1u, unit));
        prepend(w_g, columns(j, 2u, unit));
        prepend(w_o, columns(j, 3u, unit));
    }
}

// What a step hands back to the one before it: the gradients of h and c between the two, and that c.
struct Handed {
    dh: vec4f,
    dc: vec4f,
    cell: vec4f,
}

// What is handed to the last step.
fn begin_back(own: Own) -> Handed {
    let at = state_of(own);
    let t = time_of(own.length - 1u, own.length);
    return Handed(floats(dlast[at.x / 4u]), floats(dlast[at.y / 4u]), floats(c[cell_of(own, t) / 4u]));
}

// dz of a step, and what it hands back but for dh, which is dz's product with the recurrent weights.
struct StepBack {
    dz: Gates,
    dc: vec4f,
    cell: vec4f,
}

fn step_back(own: Own, t: u32, now: Handed) -> StepBack {
    let gate = load_gates(gates_of(own, t));
    let previous = select(t, t + 2u, shape.reverse != 0u);
    let before = floats(c[(cell_of(own, previous) - UNITS) / 4u]);
    let tanh_c = tanh_of(now.cell);
    var dh = now.dh;
    if shape.has_dy != 0u {
        dh += floats(dy[(shape.dy_start + own.n * shape.dy_sequence + t * UNITS + own.unit) / 4u]);
    }
    let dc = dh * gate.o * (1.0 - tanh_c * tanh_c) + now.dc;
    let dz = Gates(
        dc * gate.g * gate.i * (1.0 - gate.i),
        dc * before * gate.f * (1.0 - gate.f),
        dc * gate.i * (1.0 - gate.g * gate.g),
        dh * tanh_c * gate.o * (1.0 - gate.o),
    );
    return StepBack(dz, dc * gate.f, before);
}

// dz's product with the recurrent weights.
fn back_product(
    dz: Gates,
    first: u32,
    w_i: ptr<function, Weights>,
    w_f: ptr<function, Weights>,
    w_g: ptr<function, Weights>,
    w_o: ptr<function, Weights>,
) -> vec4f {
    let i = product(vec4f(0.0), dz.i, first, w_i);
    let f = product(vec4f(0.0), dz.f, first, w_f);
    let g = product(vec4f(0.0), dz.g, first, w_g);
    let o = product(vec4f(0.0), dz.o, first, w_o);
    return (i + f) + (g + o);
}

// Leaves the gradient of the state before the first step, and zeros past the sequence's end.
fn end_back(own: Own, now: Handed) {
    if own.stores {
        let at = state_of(own);
        dstate[at.x / 4u] = pairs(now.dh);
        dstate[at.y / 4u] = pairs(now.dc);
        for (var t = own.length; t < shape.steps; t++) {
            store_gates(gates_of(own, t), Gates());
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
    hold_columns(&w_i, &w_f, &w_g, &w_o, own.unit);
    var now = begin_back(own);
    for (var left = subgroupMax(own.length); left > 0u; left--) {
        let s = left - 1u;
        let t = time_of(s, own.length);
        let back = step_back(own, t, now);
        let dh = back_product(back.dz, own.first, &w_i, &w_f, &w_g, &w_o);
        if s < own.length {
            now = Handed(dh, back.dc, back.cell);
        }
        if s < own.length && own.stores {
            store_gates(gates_of(own, t), back.dz);
        }
    }
    end_back(own, now);
}

@compute @workgroup_size(WORKGROUP)
fn backward_one_channel(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let own = own(group.y * groups.x + group.x, lane);
    var w_i: Weights;
    var w_f: Weights;
    var w_g: Weights;
    var w_o: Weights;
    hold_columns(&w_i, &w_f, &w_g, &w_o, own.unit);
    var now = begin_back(own);
    var weights = Gates();
    var bias = Gates();
    for (var left = subgroupMax(own.length); left > 0u; left--) {
        let s = left - 1u;
        let t = time_of(s, own.length);
        let back = step_back(own, t, now);
        let dh = back_product(back.dz, own.first, &w_i, &w_f, &w_g, &w_o);
        if s < own.length {
            now = Handed(dh, back.dc, back.cell);
            weights = plus(weights, sample(own, t), back.dz);
            bias = plus(bias, 1.0, back.dz);
        }
        if s < own.length && own.stores {
            store_gates(gates_of(own, t), back.dz);
        }
    }
    end_back(own, now);
    if own.stores {
        let at = own.n * shape.d_sequence + own.unit;
        store_sums(at, weights);
        store_sums(shape.db_start + at, bias);
    }
}
