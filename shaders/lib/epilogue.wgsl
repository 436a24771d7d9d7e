// What a linear layer does with its sums; the kernel declares `bias`, `gate`, `y` and params.outputs.
// HAS_BIAS: bias [outputs], or [2 * outputs] with PAIR. PAIR: y = act(gate row) * value row; the value rows follow the gate rows.
// RESIDUAL 0: y = v. 1: y += v. 2: y += gate[0] * v. 3: y += gate[r] * v. The gates have their tanh already.

// @import lib/activation.wgsl

override HAS_BIAS: u32 = 0;
override PAIR: u32 = 0;
override RESIDUAL: u32 = 0;

// Writes y[t, r] from the sum of weight row r and, with PAIR, that of row outputs + r.
fn finish(t: u32, r: u32, sum: f32, pair_sum: f32) {
  var v = sum;
  if (HAS_BIAS == 1u) { v += bias[r]; }
  v = activate(v);
  if (PAIR == 1u) {
    var value = pair_sum;
    if (HAS_BIAS == 1u) { value += bias[params.outputs + r]; }
    v *= value;
  }
  let i = t * params.outputs + r;
  switch (RESIDUAL) {
    case 1u: { v = f32(y[i]) + v; }
    case 2u: { v = f32(y[i]) + gate[0] * v; }
    case 3u: { v = f32(y[i]) + gate[r] * v; }
    default: {}
  }
  y[i] = Elem(v);
}
