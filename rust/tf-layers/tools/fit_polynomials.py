"""Derives the coefficients of src/math: near-minimax polynomials, printed as Rust constants with their error.

    python tools/fit_polynomials.py

Method: a weighted least-squares fit on Chebyshev nodes whose weights are multiplied by the local error and renormalised
until the error levels out (Lawson's algorithm). Coefficients are rounded to f32 from the constant term up, the rest being
fitted again each time, so that rounding one is compensated by the others. Needs numpy and scipy only.
"""

import numpy as np
from scipy import special


def fit(f, degree, low, high, weight=lambda x: np.ones_like(x), fixed=(), rounds=60, nodes=4000):
    """Coefficients c (lowest power first, the first len(fixed) given) of the polynomial with least max |weight·(p - f)|."""
    t = np.cos(np.linspace(0, np.pi, nodes))
    x = (low + high) / 2 + (high - low) / 2 * t
    y, w = f(x), weight(x)
    scale = max(abs(low), abs(high))
    fixed = list(fixed)
    while True:
        powers = range(len(fixed), degree + 1)
        rest = y - sum(c * x**i for i, c in enumerate(fixed))
        basis = np.stack([(x / scale) ** i for i in powers], axis=1)
        lawson = np.ones_like(x)
        best = None
        for _ in range(rounds):
            root = np.sqrt(lawson) * w
            c, *_ = np.linalg.lstsq(basis * root[:, None], rest * root, rcond=None)
            error = np.abs(w * (basis @ c - rest))
            if best is None or error.max() < best[0]:
                best = (error.max(), c)
            lawson *= error + error.max() * 1e-3
            lawson /= lawson.mean()
        error, c = best
        fixed.append(float(np.float32(c[0] / scale ** len(fixed))))
        if len(fixed) == degree + 1:
            error = np.abs(w * (sum(c * x**i for i, c in enumerate(fixed)) - y)).max()
            return fixed, error


def show(name, coefficients, error, what):
    print(f"/// {what} (error {error:.1e} = 2^{np.log2(error):.1f}).")
    values = ", ".join(np.format_float_scientific(np.float32(c), unique=True, exp_digits=1) for c in coefficients)
    print(f"const {name}: [f32; {len(coefficients)}] = [{values}];\n")


def main():
    half_ln2 = np.log(2) / 2 * 1.0001

    # expm1(r) = r + r²·p(r)
    def expm1_rest(r):
        series = sum(r**k / special.factorial(k + 2) for k in range(8))
        return np.where(np.abs(r) < 0.01, series, (np.expm1(r) - r) / np.where(r == 0, 1, r * r))

    c, e = fit(expm1_rest, 4, -half_ln2, half_ln2, weight=lambda r: np.abs(r * r / np.where(r == 0, 1, np.expm1(r))))
    show("EXP", c, e, "(eʳ − 1 − r) / r² on |r| ≤ ln 2 / 2; error relative to eʳ − 1")

    # log(1 + f) = f - f²/2 + f³·p(f)
    low, high = np.sqrt(0.5) - 1, np.sqrt(2) - 1

    def log_rest(f):
        series = sum((-1) ** k * f**k / (k + 3) for k in range(12))
        exact = (np.log1p(f) - f + f * f / 2) / np.where(f == 0, 1, f**3)
        return np.where(np.abs(f) < 0.02, series, exact)

    c, e = fit(log_rest, 7, low, high, weight=lambda f: np.abs(f**3 / np.where(f == 0, 1, np.log1p(f))))
    show("LOG", c, e, "(ln(1 + f) − f + f²/2) / f³ on √½ ≤ 1 + f ≤ √2; error relative to ln(1 + f)")

    # log1p(e) = 2·artanh(e / (2 + e)), artanh(s) = s + s³·p(s²), s in [0, 1/3]; w = 2s
    def artanh_rest(z):
        series = sum((z / 4) ** k / (2 * k + 3) / 4 for k in range(12))
        w = np.sqrt(z)
        exact = (2 * np.arctanh(w / 2) - w) / np.where(z == 0, 1, w**3)
        return np.where(z < 0.04, series, exact)

    c, e = fit(artanh_rest, 3, 0.0, 4 / 9, weight=lambda z: z)
    show("LOG1P", c, e, "(ln(1 + e)/w − 1) / w² in w², w = e / (1 + e/2), 0 ≤ e ≤ 1; error relative to ln(1 + e)")

    # sin, cos on |r| ≤ π/4, in z = r²
    high = (np.pi / 4 * 1.001) ** 2

    def sine(z):
        return sum((-1) ** (k + 1) * z**k / special.factorial(2 * k + 3) for k in range(10))

    def cosine(z):
        return sum((-1) ** k * z**k / special.factorial(2 * k + 4) for k in range(10))

    c, e = fit(sine, 2, 0.0, high, weight=lambda z: z)
    show("SIN", c, e, "(sin(r)/r − 1) / r² in r² for |r| ≤ π/4; error relative to sin(r)")
    c, e = fit(cosine, 2, 0.0, high, weight=lambda z: z * z * np.sqrt(2))
    show("COS", c, e, "(cos(r) − 1 + r²/2) / r⁴ in r² for |r| ≤ π/4; error relative to cos(r)")

    # ln(erfc(t)) / t, whose first coefficient -2/√π is taken apart so that f32 holds it: -1.125 exactly, the rest is fitted
    def log_erfc(t):
        series = -2 / np.sqrt(np.pi) - 2 / np.pi * t
        exact = (np.log(special.erfcx(t)) - t * t) / np.where(t == 0, 1, t)
        return np.where(t < 1e-8, series, exact)

    def relative_to_erf(t):
        exact = t * special.erfc(t) / np.maximum(special.erf(t), 1e-300)
        return np.where(t < 1e-9, np.sqrt(np.pi) / 2, exact)

    c, e = fit(lambda t: log_erfc(t) + 1.125, 8, 0.0, 4.0, weight=relative_to_erf, rounds=300)
    show("ERF", c, e, "ln(erfc(t)) / t + 1.125 on 0 ≤ t ≤ 4; error of erf(t) = 1 − eˡⁿ relative to erf(t)")

    # gelu(x) = max(x, 0) - |x|/2 · erfc(|x|/√2). Degree 9: it goes on falling where erfc underflows (others turn around)
    c, e = fit(
        lambda u: log_erfc(u / np.sqrt(2)) / np.sqrt(2),
        9,
        0.0,
        5.8,
        weight=lambda u: np.maximum(u / 2 * u * special.erfc(u / np.sqrt(2)), 1e-10),
        rounds=300,
    )
    show("GELU", c, e, "ln(erfc(u/√2)) / u on 0 ≤ u ≤ 5.8, falling beyond; absolute error of gelu(u)")


if __name__ == "__main__":
    main()
