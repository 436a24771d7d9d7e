// The activation functions of the supported models. ACTIVATION 0: none. 1: GELU, x Phi(x). 2: its tanh approximation.
// 3: QuickGELU, x sigmoid(1.702 x). 4: ReLU. 5: squared ReLU. 6: SiLU, x sigmoid(x).
// tanh forms are written with a sigmoid, (1 + tanh u) / 2 = sigmoid(2u), because tanh of large values is NaN on some drivers.

override ACTIVATION: u32 = 0;

fn sigmoid(v: f32) -> f32 { return 1.0 / (1.0 + exp(min(-v, 80.0))); }

// |error| < 2e-7. Below 1 the odd polynomial of Cephes (Moshier, erff), above it Numerical Recipes' erfc (2nd ed., 6.2).
fn erf(v: f32) -> f32 {
  let z = abs(v);
  if (z < 1.0) {
    let u = v * v;
    return v * ((((((7.853861353153693e-5 * u - 8.010193625184903e-4) * u + 5.188327685732524e-3) * u
      - 2.685381193529856e-2) * u + 1.128358514861418e-1) * u - 3.761262582423300e-1) * u + 1.128379167095513);
  }
  let t = 1.0 / (1.0 + 0.5 * z);
  let p = ((((((((0.17087277 * t - 0.82215223) * t + 1.48851587) * t - 1.13520398) * t + 0.27886807) * t
    - 0.18628806) * t + 0.09678418) * t + 0.37409196) * t + 1.00002368) * t - 1.26551223;
  return sign(v) * (1.0 - t * exp(max(p - z * z, -80.0)));
}

fn activate(v: f32) -> f32 {
  switch (ACTIVATION) {
    case 1u: { return 0.5 * v * (1.0 + erf(v * 0.7071067811865476)); }
    case 2u: { return v * sigmoid(1.5957691216057308 * (v + 0.044715 * v * v * v)); }
    case 3u: { return v * sigmoid(1.702 * v); }
    case 4u: { return max(v, 0.0); }
    case 5u: { let positive = max(v, 0.0); return positive * positive; }
    case 6u: { return v * sigmoid(v); }
    default: { return v; }
  }
}
