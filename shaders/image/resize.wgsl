// One pass of an antialiased resize: y[l, o] = clamp8(round(sum_k coefficients[o, k] * x[l, starts[o] + k]))
//
// RGBA pixels of 8 bits, one u32 each, red lowest; fixed point with 22 digits, rounded to 8 bits as Pillow does between its passes.
// AXIS 0: x [lines, inputs] -> y [lines, outputs]; AXIS 1: x [inputs, lines] -> y [outputs, lines]. Source: Pillow libImaging/Resample.c.

override WG: u32 = 64;
override AXIS: u32 = 0;

struct Params { lines: u32, inputs: u32, outputs: u32, taps: u32 }

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> starts: array<i32>;
@group(0) @binding(2) var<storage, read> counts: array<i32>;
@group(0) @binding(3) var<storage, read> coefficients: array<i32>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;
@group(0) @binding(5) var<uniform> params: Params;

const PRECISION_BITS = 22u;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let along = group.x * WG + lane;
  let output = select(group.y, along, AXIS == 0u);
  let line = select(along, group.y, AXIS == 0u);
  if (output >= params.outputs || line >= params.lines) { return; }
  let first = u32(starts[output]);
  var sums = vec4i(1 << (PRECISION_BITS - 1u));
  for (var k = 0u; k < u32(counts[output]); k++) {
    let at = select((first + k) * params.lines + line, line * params.inputs + first + k, AXIS == 0u);
    sums += vec4i((vec4u(x[at]) >> vec4u(0, 8, 16, 24)) & vec4u(255)) * coefficients[output * params.taps + k];
  }
  let channels = vec4u(clamp(sums >> vec4u(PRECISION_BITS), vec4i(0), vec4i(255))) << vec4u(0, 8, 16, 24);
  let to = select(output * params.lines + line, line * params.outputs + output, AXIS == 0u);
  y[to] = channels.x | channels.y | channels.z | channels.w;
}
