"""Style distortions once more: one picture (h, w, 3), one value, in float64, written straight from the formulas."""

import numpy as np

from aesthetic_pretraining.distortions import darktable_values

M = np.array([[0.4360411, 0.3851133, 0.1430455], [0.2224845, 0.7169054, 0.0606101], [0.0139203, 0.0970678, 0.7139120]])
WHITE = np.array([0.9642, 1, 0.8249])


def root(t):
    bits = t.astype(np.float32).view(np.int32).astype(np.float64)
    guess = (np.rint(bits / 3).astype(np.int32) + 709921077).view(np.float32).astype(np.float64)
    return guess * (guess**3 + 2 * t) / (2 * guess**3 + t)


def slow_lab(x):
    linear = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    linear = np.where(x >= 1, x**2.260159, linear)
    t = linear @ M.T / WHITE
    f = np.where(t > 216 / 24389, root(np.maximum(t, 1e-9)), (24389 / 27 * t + 16) / 116)
    return 116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])


def slow_codes(lightness, a, b):
    fy = (lightness + 16) / 116
    f = np.stack([fy + a / 500, fy, fy - b / 200], -1)
    xyz = np.where(f > 6 / 29, f**3, (116 * f - 16) * 27 / 24389) * WHITE
    linear = np.clip(xyz @ np.linalg.inv(M).T, 0, 1)
    encoded = np.where(linear <= 0.04045 / 12.92, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.floor(255 * encoded + 0.5)


def slow_colisa(x, contrast=0.0, brightness=0.0, saturation=0.0):
    lightness, a, b = slow_lab(x)
    w = 2 * np.clip(lightness / 100, 0, 1) - 1
    m = 20 * contrast**2
    y = ((contrast + 1) * w if contrast <= 0 else np.sqrt(1 + m) * w / np.sqrt(1 + m * w * w)) / 2 + 0.5
    y = y.clip(0) ** (1 / (1 + 2 * brightness) if brightness >= 0 else 1 - 2 * brightness)
    return slow_codes(100 * y, a * (saturation + 1), b * (saturation + 1))


def slow_vibrance(x, value):
    lightness, a, b = slow_lab(x)
    w = value / 100 * np.hypot(a, b) / 256
    return slow_codes(lightness * (1 - w / 4), a * (1 + w), b * (1 + w))


def slow_gain(x, gain):
    return slow_codes(*slow_lab(x * np.array(gain)))


def slow_blur(line, sigma):
    al = 1.695 / sigma
    e, e2 = np.exp(-al), np.exp(-2 * al)
    k = (1 - e) ** 2 / (1 + 2 * al * e - e2)
    a0, a1, a2, a3, b1, b2 = k, k * (al - 1) * e, k * (al + 1) * e, -k * e2, -2 * e, e2
    n = len(line)
    x = [line[0], *line, line[-1], line[-1]]  # x[j + 1] is sample j
    y = [(a0 + a1) / (1 + b1 + b2) * line[0]] * 2
    for j in range(n):
        y.append(a0 * x[j + 1] + a1 * x[j] - b1 * y[-1] - b2 * y[-2])
    z = [(a2 + a3) / (1 + b1 + b2) * line[-1]] * 2
    for j in reversed(range(n)):
        z.append(a2 * x[j + 2] + a3 * x[j + 3] - b1 * z[-1] - b2 * z[-2])
    return np.array(y[2:]) + np.array(z[:1:-1])


def slow_shadhi(x, shadows, highlights, radius=None):
    lightness, a, b = slow_lab(x)
    radius = radius or 100 * x.shape[1] / 1000  # of 100 pixels in a file 1000 pixels wide, what is left at this width
    blurred = np.apply_along_axis(slow_blur, 1, np.apply_along_axis(slow_blur, 0, lightness, radius), radius)
    out = np.empty((3, *lightness.shape))
    for at in np.ndindex(lightness.shape):
        u, chroma, tone = lightness[at] / 100, 1.0, 1 - blurred[at] / 100
        h, s = 2 * highlights / 100, 2 * shadows / 100
        for amount, mask, sign, weights in (
            (h, 1 - 2 * tone, -1 if h > 0 else 1, (0.5, 0.5)),
            (s, 2 * tone - 1, -1 if s < 0 else 1, (1, 0) if s >= 0 else (0, 1)),
        ):
            r = amount**2
            while r > 0:
                t = min(r, 1) * min(max(mask, 0), 1)
                lb = (tone - 0.5) * sign * (1 if 1 - u >= 0 else -1) + 0.5
                ov = 1 - (2 - 2 * u) * (1 - lb) if u > 0.5 else 2 * u * lb
                n = u * (1 - t) + ov * t
                safe = [np.copysign(max(abs(v), 1e-6), v) for v in (u, 1 - u)]
                q = weights[0] * n / safe[0] + weights[1] * (1 - n) / safe[1]
                chroma *= 1 - t + q * t
                u, r = n, r - 1
        out[(slice(None), *at)] = 100 * u, a[at] * chroma, b[at] * chroma
    return slow_codes(*out)


SLOW = {
    "brightness": lambda x, v: slow_colisa(x, brightness=v),
    "contrast": lambda x, v: slow_colisa(x, contrast=v),
    "saturation": lambda x, v: slow_colisa(x, saturation=v),
    "exposure": lambda x, v: slow_gain(x, (2**v,) * 3),
    "temperature": lambda x, v: slow_gain(x, darktable_values.TEMPERATURE_GAINS[v]),
    "tint": lambda x, v: slow_gain(x, darktable_values.TINT_GAINS[v]),
    "vibrance": slow_vibrance,
    "shadows": lambda x, v: slow_shadhi(x, v, 100),
    "highlights": lambda x, v: slow_shadhi(x, 50, v),
}
