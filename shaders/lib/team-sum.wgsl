// Sum of one vec4f per invocation over teams of LANES (a power of two, a divisor of WG) neighbouring invocations; each gets its team's.

var<workgroup> team_partial: array<vec4f, WG>;

fn team_sum(lane: u32, value: vec4f) -> vec4f {
  if (LANES == 1u) { return value; }
  team_partial[lane] = value;
  workgroupBarrier();
  let within = lane % LANES;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (within < half) { team_partial[lane] += team_partial[lane + half]; }
    workgroupBarrier();
  }
  let sum = team_partial[lane - within];
  workgroupBarrier(); // the next call may overwrite it
  return sum;
}
