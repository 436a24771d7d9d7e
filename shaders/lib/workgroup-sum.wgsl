// Sum of one f32 per invocation over a workgroup of WG (a power of two) invocations; every invocation gets the sum.

var<workgroup> partial: array<f32, WG>;

fn workgroup_sum(lane: u32, value: f32) -> f32 {
  partial[lane] = value;
  workgroupBarrier();
  for (var half = WG / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partial[lane] += partial[lane + half]; }
    workgroupBarrier();
  }
  let sum = partial[0];
  workgroupBarrier(); // the next call may overwrite partial[0]
  return sum;
}
