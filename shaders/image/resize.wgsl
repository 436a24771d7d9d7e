// y[o] = clip8((half + sum_k coefficients[o, k] * x[starts[o] + k]) >> PRECISION_BITS) for each 8-bit channel, along one axis
//
// x, y: pixels, four 8-bit channels in a u32. AXIS 0: x [lines, inputs], y [lines, outputs]; AXIS 1: x [inputs, lines], y [outputs, lines].
// starts, counts [outputs] and coefficients [outputs, taps] as core/resample makes them. Integers throughout: equal to Pillow to the last bit.
// One invocation per output pixel.
// Source: Pillow, libImaging/Resample.c, ImagingResampleHorizontal_8bpc and ImagingResampleVertical_8bpc.

override WG: u32 = 64;
override AXIS: u32 = 0;

const PRECISION_BITS = 22u;

struct Params { lines: u32, inputs: u32, outputs: u32, taps: u32 }

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> starts: array<i32>;
@group(0) @binding(2) var<storage, read> counts: array<i32>;
@group(0) @binding(3) var<storage, read> coefficients: array<i32>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;
@group(0) @binding(5) var<uniform> params: Params;

fn channels(pixel: u32) -> vec4i {
  return vec4i((vec4u(pixel) >> vec4u(0, 8, 16, 24)) & vec4u(255));
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let along = group.x * WG + lane;
  let line = select(along, group.y, AXIS == 0u);
  let output = select(group.y, along, AXIS == 0u);
  if (line >= params.lines || output >= params.outputs) { return; }
  let input_step = select(params.lines, 1u, AXIS == 0u);
  var from = select(line, line * params.inputs, AXIS == 0u) + u32(starts[output]) * input_step;
  var sum = vec4i(1 << (PRECISION_BITS - 1u));
  for (var k = 0u; k < u32(counts[output]); k++) {
    sum += channels(x[from]) * coefficients[output * params.taps + k];
    from += input_step;
  }
  let value = vec4u(clamp(sum >> vec4u(PRECISION_BITS), vec4i(0), vec4i(255)));
  let to = select(output * params.lines + line, line * params.outputs + output, AXIS == 0u);
  y[to] = value.x | (value.y << 8u) | (value.z << 16u) | (value.w << 24u);
}
