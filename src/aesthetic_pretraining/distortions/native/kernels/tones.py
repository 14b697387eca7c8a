"""The style distortions in one pass over the pixels: `native.style` once more, as loops for numba.

Each loop takes the base photo's planes (1-D float32) and makes one image of one value: interleaved codes, uint8 (3 n). New lightness
and chroma are computed tile by tile, and `colour.develop` makes codes of them while they are in the cache.
"""

import math

import numpy as np

from aesthetic_pretraining.distortions.native.kernels.colour import HALF, HUNDRED, ONE, TILE, ZERO, F, develop
from aesthetic_pretraining.distortions.native.kernels.compiled import compiled

# log2(m) = 2 / ln 2 (s + s^3 / 3 + ...) with s = (m - 1) / (m + 1); 2^f by its power series, |f| <= 1/2: both exact to 2e-7
L1, L3, L5, L7, L9 = (F(2 / math.log(2) / k) for k in (1, 3, 5, 7, 9))
E1, E2, E3, E4, E5, E6 = (F(math.log(2) ** k / math.factorial(k)) for k in range(1, 7))
ROOT_HALF_BITS = np.int32(0x3F3504F3)  # of sqrt(1/2), where the mantissa's range is cut
MANTISSA, BIAS, SHIFT = np.int32(0x7FFFFF), np.int32(127), np.int32(23)
LOWEST, FIFTY = F(-126), F(50)
DARKEST = F(1e-30)  # to_lab may put black slightly below 0, where the logarithm is not a number
LEAST = F(1e-6)  # a lightness or darkness that divides


@compiled
def logarithms(lightness, out):
    """log2(lightness / 100)."""
    for i in range(lightness.size):
        u = max(lightness[i] / HUNDRED, DARKEST)
        bits = np.int32(np.float32(u).view(np.int32) - ROOT_HALF_BITS)
        exponent = np.int32(bits >> SHIFT)
        mantissa = np.int32((bits & MANTISSA) + ROOT_HALF_BITS).view(np.float32)
        s = (mantissa - ONE) / (mantissa + ONE)
        s2 = s * s
        out[i] = F(exponent) + s * (L1 + s2 * (L3 + s2 * (L5 + s2 * (L7 + s2 * L9))))


@compiled
def _brighter(logarithm, exponent, lightness, chroma):
    for i in range(logarithm.size):
        t = max(logarithm[i] * exponent, LOWEST)
        whole = np.int32(math.floor(t + HALF))
        f = t - F(whole)
        power = ONE + f * (E1 + f * (E2 + f * (E3 + f * (E4 + f * (E5 + f * E6)))))
        lightness[i] = HUNDRED * power * np.int32((whole + BIAS) << SHIFT).view(np.float32)
        chroma[i] = ONE


@compiled
def brightness(logarithm, red_green, yellow_blue, exponent, codes):
    light, chroma = np.empty(TILE, F), np.empty(TILE, F)
    for i in range(0, logarithm.size, TILE):
        n = min(TILE, logarithm.size - i)
        _brighter(logarithm[i : i + n], exponent, light[:n], chroma[:n])
        develop(light[:n], red_green[i : i + n], yellow_blue[i : i + n], chroma[:n], codes[3 * i : 3 * (i + n)])


@compiled
def _steeper(lightness, steepness, slope, new, chroma):
    for i in range(lightness.size):
        middle = lightness[i] / FIFTY - ONE
        new[i] = middle / math.sqrt(steepness * middle * middle + ONE) * slope * FIFTY + FIFTY
        chroma[i] = ONE


@compiled
def contrast(lightness, red_green, yellow_blue, steepness, slope, codes):
    light, chroma = np.empty(TILE, F), np.empty(TILE, F)
    for i in range(0, lightness.size, TILE):
        n = min(TILE, lightness.size - i)
        _steeper(lightness[i : i + n], steepness, slope, light[:n], chroma[:n])
        develop(light[:n], red_green[i : i + n], yellow_blue[i : i + n], chroma[:n], codes[3 * i : 3 * (i + n)])


@compiled
def saturation(lightness, red_green, yellow_blue, factor, codes):
    chroma = np.full(TILE, factor, F)
    for i in range(0, lightness.size, TILE):
        n = min(TILE, lightness.size - i)
        develop(lightness[i : i + n], red_green[i : i + n], yellow_blue[i : i + n], chroma[:n], codes[3 * i : 3 * (i + n)])


@compiled
def _livelier(lightness, red_green, yellow_blue, amount, light, chroma):
    for i in range(lightness.size):
        a, b = F(500) * red_green[i], F(-200) * yellow_blue[i]
        weight = amount * math.sqrt(a * a + b * b)
        light[i] = lightness[i] - lightness[i] * weight * F(0.25)
        chroma[i] = weight + ONE


@compiled
def vibrance(lightness, red_green, yellow_blue, amount, codes):
    light, chroma = np.empty(TILE, F), np.empty(TILE, F)
    for i in range(0, lightness.size, TILE):
        n = min(TILE, lightness.size - i)
        a, b = red_green[i : i + n], yellow_blue[i : i + n]
        _livelier(lightness[i : i + n], a, b, amount, light[:n], chroma[:n])
        develop(light[:n], a, b, chroma[:n], codes[3 * i : 3 * (i + n)])


@compiled
def _blend(u, chroma, blurred, side, strength, sign, gained, lost):
    for i in range(u.size):
        dark = ONE - blurred[i] / FIFTY
        share = strength * min(max(side * dark, ZERO), ONE)
        darkness = ONE - u[i]
        gain = min(u[i], darkness) * dark * share * sign
        follow = gained * (gain / max(u[i], LEAST)) - lost * (gain / max(darkness, LEAST))
        chroma[i] += chroma[i] * (follow * share)
        u[i] += gain


@compiled
def overlay(u, chroma, blurred, side, remaining, sign, gained, lost):
    """`style._overlay` in place; side: 1 where the surroundings are dark, -1 where they are light; remaining: amount^2."""
    while remaining > ZERO:
        _blend(u, chroma, blurred, side, min(remaining, ONE), sign, gained, lost)
        remaining -= ONE


@compiled
def _percent(u, lightness):
    for i in range(u.size):
        lightness[i] = u[i] * HUNDRED


@compiled
def overlaid(u, chroma, blurred, red_green, yellow_blue, side, remaining, sign, gained, lost, codes):
    """One overlay on lightness u in [0, 1] and a chroma factor, which stay as they are, developed."""
    light, factor = np.empty(TILE, F), np.empty(TILE, F)
    for i in range(0, u.size, TILE):
        n = min(TILE, u.size - i)
        light[:n] = u[i : i + n]
        factor[:n] = chroma[i : i + n]
        overlay(light[:n], factor[:n], blurred[i : i + n], side, remaining, sign, gained, lost)
        _percent(light[:n], light[:n])
        develop(light[:n], red_green[i : i + n], yellow_blue[i : i + n], factor[:n], codes[3 * i : 3 * (i + n)])
