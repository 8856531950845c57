// lstm.subgroup_wide: the recurrent part of an LSTM layer; a subgroup walks ROWS sequences through time together.
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
// This variant is for more units than lstm.subgroup keeps weights of; it needs subgroups of WORKGROUP invocations,
// 64-bit integers and units in whole runs of RUN. It is made for a software adapter of eight lanes, where a load
// costs as much as ten multiply-adds and a shuffle next to nothing, so the sequences that share a weight walk
// together: a step is a product of ROWS rows by tiles of WORKGROUP * COLUMNS columns as in conv1d.subgroup (which
// see), and the cells, each by itself. A barrier stands between the two; the states pass through memory.

override UNITS: u32 = 64u; // H

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
const ROWS = 16u;
const COLUMNS = 4u;
const RUN = 8u;

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

// sum + the products of lane `lane`'s run with the rows of `right`
fn along(sum: vec4f, left: array<f32, RUN>, lane: u32, right: array<vec4f, RUN>) -> vec4f {
    var s = sum;
    s += subgroupShuffle(left[0], lane) * right[0];
    s += subgroupShuffle(left[1], lane) * right[1];
    s += subgroupShuffle(left[2], lane) * right[2];
    s += subgroupShuffle(left[3], lane) * right[3];
    s += subgroupShuffle(left[4], lane) * right[4];
    s += subgroupShuffle(left[5], lane) * right[5];
    s += subgroupShuffle(left[6], lane) * right[6];
    s += subgroupShuffle(left[7], lane) * right[7];
    return s;
}

// Lane l holds the runs of rows l and l + WORKGROUP.
fn multiply_add(
    sum: ptr<function, array<vec4f, ROWS>>,
    left: ptr<function, array<array<f32, RUN>, ROWS / WORKGROUP>>,
    right: ptr<function, array<vec4f, RUN>>,
) {
    (*sum)[0] = along((*sum)[0], (*left)[0], 0u, *right);
    (*sum)[1] = along((*sum)[1], (*left)[0], 1u, *right);
    (*sum)[2] = along((*sum)[2], (*left)[0], 2u, *right);
    (*sum)[3] = along((*sum)[3], (*left)[0], 3u, *right);
    (*sum)[4] = along((*sum)[4], (*left)[0], 4u, *right);
    (*sum)[5] = along((*sum)[5], (*left)[0], 5u, *right);
    (*sum)[6] = along((*sum)[6], (*left)[0], 6u, *right);
    (*sum)[7] = along((*sum)[7], (*left)[0], 7u, *right);
    (*sum)[8] = along((*sum)[8], (*left)[1], 0u, *right);
    (*sum)[9] = along((*sum)[9], (*left)[1], 1u, *right);
    (*sum)[10] = along((*sum)[10], (*left)[1], 2u, *right);
    (*sum)[11] = along((*sum)[11], (*left)[1], 3u, *right);
    (*sum)[12] = along((*sum)[12], (*left)[1], 4u, *right);
    (*sum)[13] = along((*sum)[13], (*left)[1], 5u, *right);
    (*sum)[14] = along((*sum)[14], (*left)[1], 6u, *right);
    (*sum)[15] = along((*sum)[15], (*left)[1], 7u, *right);
}

fn run(a: vec4f, b: vec4f) -> array<f32, RUN> {
    return array<f32, RUN>(a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w);
}

fn run_of_h(at: u32) -> array<f32, RUN> {
    return run(floats(h[at / 4u]), floats(h[at / 4u + 1u]));
}

fn run_of_gates(at: u32) -> array<f32, RUN> {
    return run(floats(gates[at / 4u]), floats(gates[at / 4u + 1u]));
}

fn run_of_w(at: u32) -> array<f32, RUN> {
    return run(floats(w[at / 4u]), floats(w[at / 4u + 1u]));
}

// A sequence of the workgroup: row r is sequence n. One past the last repeats that, with no steps of its own.
struct Sequence {
    n: u32,
    length: u32,
    exists: bool,
}

fn sequence(index: u32, r: u32) -> Sequence {
    let n = index * ROWS + r;
    let inside = min(n, shape.batch - 1u);
    return Sequence(inside, min(lengths[inside], shape.steps), n < shape.batch);
}

// Whether the sequence has an s-th step.
fn walks(own: Sequence, s: u32) -> bool {
    return own.exists && s < own.length;
}

// The row of the s-th step in walking order; past the end that of the last.
fn time_of(own: Sequence, s: u32) -> u32 {
    let inside = min(s, own.length - 1u);
    return select(inside, own.length - 1u - inside, shape.reverse != 0u);
}

// The row from which step t comes, counted from the one before step 0.
fn previous(t: u32) -> u32 {
    return select(t, t + 2u, shape.reverse != 0u);
}

fn z_of(own: Sequence, t: u32) -> u32 {
    return (own.n * shape.steps + t) * 4u * UNITS;
}

// Rows of h and c counted from the one before step 0.
fn h_of(own: Sequence, row: u32) -> u32 {
    return shape.h_start + own.n * shape.h_sequence + row * UNITS - UNITS;
}

fn c_of(own: Sequence, row: u32) -> u32 {
    return (own.n * (shape.steps + 2u) + row) * UNITS;
}

// The longest of the workgroup's sequences, that every lane walks to its end.
fn longest(a: Sequence, b: Sequence) -> u32 {
    return subgroupMax(max(a.length, b.length));
}

// z = gates + h W_hh of the s-th step of all rows; lane l knows the sequences of rows l and l + WORKGROUP.
fn recur(a: Sequence, b: Sequence, s: u32, lane: u32) {
    let t = vec2u(time_of(a, s), time_of(b, s));
    let from_h = vec2u(h_of(a, previous(t.x)), h_of(b, previous(t.y)));
    let to = vec2u(z_of(a, t.x), z_of(b, t.y));
    let stores = vec2u(u32(walks(a, s)), u32(walks(b, s)));
    var left: array<array<f32, RUN>, ROWS / WORKGROUP>;
    var right: array<vec4f, RUN>;
    for (var column = lane * COLUMNS; column < 4u * UNITS; column += WORKGROUP * COLUMNS) {
        var sum: array<vec4f, ROWS>;
        for (var k = 0u; k < UNITS; k += RUN) {
            left[0] = run_of_h(from_h.x + k);
            left[1] = run_of_h(from_h.y + k);
            right[0] = floats(w[((k + 0u) * 4u * UNITS + column) / 4u]);
            right[1] = floats(w[((k + 1u) * 4u * UNITS + column) / 4u]);
            right[2] = floats(w[((k + 2u) * 4u * UNITS + column) / 4u]);
            right[3] = floats(w[((k + 3u) * 4u * UNITS + column) / 4u]);
            right[4] = floats(w[((k + 4u) * 4u * UNITS + column) / 4u]);
            right[5] = floats(w[((k + 5u) * 4u * UNITS + column) / 4u]);
            right[6] = floats(w[((k + 6u) * 4u * UNITS + column) / 4u]);
            right[7] = floats(w[((k + 7u) * 4u * UNITS + column) / 4u]);
            multiply_add(&sum, &left, &right);
        }
        for (var r = 0u; r < ROWS; r++) {
            let upper = r < WORKGROUP;
            let at = subgroupShuffle(select(to.y, to.x, upper), r % WORKGROUP) + column;
            if subgroupShuffle(select(stores.y, stores.x, upper), r % WORKGROUP) != 0u {
                gates[at / 4u] = pairs(floats(gates[at / 4u]) + sum[r]);
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
    let index = group.y * groups.x + group.x;
    let a = sequence(index, lane);
    let b = sequence(index, lane + WORKGROUP);
    for (var r = 0u; r < ROWS; r++) {
        let own = sequence(index, r);
        // The initial state stands in the row from which the first step comes.
        let before = select(0u, own.length + 1u, shape.reverse != 0u);
        for (var j = lane * COLUMNS; j < UNITS && own.exists; j += WORKGROUP * COLUMNS) {
            h[(h_of(own, before) + j) / 4u] = state[(own.n * UNITS + j) / 4u];
            c[(c_of(own, before) + j) / 4u] = state[((shape.batch + own.n) * UNITS + j) / 4u];
        }
    }
    let end = longest(a, b);
    for (var s = 0u; s < end; s++) {
        storageBarrier();
        recur(a, b, s, lane);
        storageBarrier();
        for (var r = 0u; r < ROWS; r++) {
            let own = sequence(index, r);
            let t = time_of(own, s);
            for (var j = lane * COLUMNS; j < UNITS && walks(own, s); j += WORKGROUP * COLUMNS) {
                let z = z_of(own, t) + j;
                let i = sigmoid(floats(gates[z / 4u]));
                let f = sigmoid(floats(gates[(z + UNITS) / 4u]));
                let g = tanh_of(floats(gates[(z + 2u * UNITS) / 4u]));
                let o = sigmoid(floats(gates[(z + 3u * UNITS) / 4u]));
                let cell = f * floats(c[(c_of(own, previous(t)) + j) / 4u]) + i * g;
                gates[z / 4u] = pairs(i);
                gates[(z + UNITS) / 4u] = pairs(f);
                gates[(z + 2u * UNITS) / 4u] = pairs(g);
                gates[(z + 3u * UNITS) / 4u] = pairs(o);
                c[(c_of(own, t + 1u) + j) / 4u] = pairs(cell);
                h[(h_of(own, t + 1u) + j) / 4u] = pairs(o * tanh_of(cell));
            }
        }
    }
    for (var r = 0u; r < ROWS; r++) {
        let own = sequence(index, r);
        let row = time_of(own, own.length - 1u) + 1u;
        for (var j = lane * COLUMNS; j < UNITS && own.exists; j += WORKGROUP * COLUMNS) {
            last[(own.n * UNITS + j) / 4u] = h[(h_of(own, row) + j) / 4u];
            last[((shape.batch + own.n) * UNITS + j) / 4u] = c[(c_of(own, row) + j) / 4u];
            for (var s = own.length; s < shape.steps; s++) {
                if s > own.length || shape.reverse == 0u {
                    h[(h_of(own, s + 1u) + j) / 4u] = vec2<u64>();
                }
            }
        }
    }
}

// dh' = dz W_hh^T of the s-th step of all rows, as `recur`.
fn recur_back(a: Sequence, b: Sequence, s: u32, lane: u32) {
    let dz = vec2u(z_of(a, time_of(a, s)), z_of(b, time_of(b, s)));
    let to = vec2u(a.n, b.n) * UNITS;
    let stores = vec2u(u32(walks(a, s)), u32(walks(b, s)));
    var left: array<array<f32, RUN>, ROWS / WORKGROUP>;
    var right: array<vec4f, RUN>;
    for (var tile = 0u; tile < UNITS; tile += WORKGROUP * COLUMNS) {
        let unit = tile + lane * COLUMNS;
        // Units past the last are computed from the last and not stored: every lane takes part in the shuffles.
        let base = min(unit, UNITS - COLUMNS) * 4u * UNITS;
        var sum: array<vec4f, ROWS>;
        for (var k = 0u; k < 4u * UNITS; k += RUN) {
            left[0] = run_of_gates(dz.x + k);
            left[1] = run_of_gates(dz.y + k);
            let w0 = run_of_w(base + k);
            let w1 = run_of_w(base + 4u * UNITS + k);
            let w2 = run_of_w(base + 8u * UNITS + k);
            let w3 = run_of_w(base + 12u * UNITS + k);
            right[0] = vec4f(w0[0], w1[0], w2[0], w3[0]);
            right[1] = vec4f(w0[1], w1[1], w2[1], w3[1]);
            right[2] = vec4f(w0[2], w1[2], w2[2], w3[2]);
            right[3] = vec4f(w0[3], w1[3], w2[3], w3[3]);
            right[4] = vec4f(w0[4], w1[4], w2[4], w3[4]);
            right[5] = vec4f(w0[5], w1[5], w2[5], w3[5]);
            right[6] = vec4f(w0[6], w1[6], w2[6], w3[6]);
            right[7] = vec4f(w0[7], w1[7], w2[7], w3[7]);
            multiply_add(&sum, &left, &right);
        }
        for (var r = 0u; r < ROWS; r++) {
            let upper = r < WORKGROUP;
            let at = subgroupShuffle(select(to.y, to.x, upper), r % WORKGROUP) + unit;
            if subgroupShuffle(select(stores.y, stores.x, upper), r % WORKGROUP) != 0u && unit < UNITS {
                dstate[at / 4u] = pairs(sum[r]);
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
    let index = group.y * groups.x + group.x;
    let a = sequence(index, lane);
    let b = sequence(index, lane + WORKGROUP);
    for (var r = 0u; r < ROWS; r++) {
        let own = sequence(index, r);
        for (var j = lane * COLUMNS; j < UNITS && own.exists; j += WORKGROUP * COLUMNS) {
            let dh = (own.n * UNITS + j) / 4u;
            let dc = ((shape.batch + own.n) * UNITS + j) / 4u;
            dstate[dh] = dlast[dh];
            dstate[dc] = dlast[dc];
            for (var s = own.length; s < shape.steps; s++) {
                for (var gate = 0u; gate < 4u; gate++) {
                    gates[(z_of(own, s) + gate * UNITS + j) / 4u] = vec2<u64>();
                }
            }
        }
    }
    for (var left = longest(a, b); left > 0u; left--) {
        let s = left - 1u;
        storageBarrier();
        for (var r = 0u; r < ROWS; r++) {
            let own = sequence(index, r);
            let t = time_of(own, s);
            for (var j = lane * COLUMNS; j < UNITS && walks(own, s); j += WORKGROUP * COLUMNS) {
                let z = z_of(own, t) + j;
                let i = floats(gates[z / 4u]);
                let f = floats(gates[(z + UNITS) / 4u]);
                let g = floats(gates[(z + 2u * UNITS) / 4u]);
                let o = floats(gates[(z + 3u * UNITS) / 4u]);
                let before = floats(c[(c_of(own, previous(t)) + j) / 4u]);
                let tanh_c = tanh_of(floats(c[(c_of(own, t + 1u) + j) / 4u]));
                var dh = floats(dstate[(own.n * UNITS + j) / 4u]);
                if shape.has_dy != 0u {
                    dh += floats(dy[(shape.dy_start + own.n * shape.dy_sequence + t * UNITS + j) / 4u]);
                }
                let at_dc = ((shape.batch + own.n) * UNITS + j) / 4u;
                let dc = dh * o * (1.0 - tanh_c * tanh_c) + floats(dstate[at_dc]);
                dstate[at_dc] = pairs(dc * f);
                gates[z / 4u] = pairs(dc * g * i * (1.0 - i));
                gates[(z + UNITS) / 4u] = pairs(dc * before * f * (1.0 - f));
                gates[(z + 2u * UNITS) / 4u] = pairs(dc * i * (1.0 - g * g));
                gates[(z + 3u * UNITS) / 4u] = pairs(dh * tanh_c * o * (1.0 - o));
            }
        }
        storageBarrier();
        recur_back(a, b, s, lane);
    }
}
