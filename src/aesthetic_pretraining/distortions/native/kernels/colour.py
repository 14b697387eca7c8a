"""Colour conversion in one pass over the pixels: `native.colour` once more, as loops for numba.

Loops take 1-D float32 arrays of n pixels, and write interleaved codes: uint8 (3 n). Formulas and constants are those of
`native.colour`, in the same order; only the sRGB curve is a polynomial (off by at most 0.0005 codes) where it has a table (0.004).
"""

import math

import numpy as np

from aesthetic_pretraining.distortions.native import colour
from aesthetic_pretraining.distortions.native.kernels.compiled import compiled

F = np.float32
ZERO, HALF, ONE, TWO = F(0), F(0.5), F(1), F(2)
KNEE, SLOPE, PER_SLOPE = F(colour.KNEE), F(colour.SLOPE), F(1 / colour.SLOPE)
R_X, R_Y, R_Z, G_X, G_Y, G_Z, B_X, B_Y, B_Z = map(F, (colour.SLOPE * colour.XYZ_TO_RGB * colour.D50).flat)
X_R, X_G, X_B, Y_R, Y_G, Y_B, Z_R, Z_G, Z_B = map(F, (colour.RGB_TO_XYZ / colour.D50[:, None]).flat)
CUBED_KNEE = F(colour.KNEE**3)
BELOW = F((colour.knee() - 16 / 116) / colour.KNEE**3)  # slope of Lab's straight part
THIRD, MAGIC = F(1 / 3), np.int32(709921077)  # of `native.colour.cube_root`
SIXTEEN, PER_116, HUNDRED = F(16), F(1 / 116), F(100)

# 255 (1.055 x^(1/2.4) - 0.055) as a polynomial of x^(1/4): least largest error on [TOE, 1], 0.0004 codes and float32's rounding
TOE, IN_TOE = F(0.0031308), F(255 * 12.92)
CURVE = (-15.18443591, 35.59968826, 348.30674496, -217.49636768, 167.57262908, -81.18901038, 17.39110897)
C1, C2, C3, C4, C5, C6 = map(F, CURVE[1:])
C0 = F(CURVE[0] - IN_TOE * TOE + 0.5)  # what the toe adds at its end, and the half that rounds

TILE = 512  # pixels whose intermediate values stay in the cache nearest to the core


@compiled
def _cubed(root):
    above = max(root, KNEE)
    return root + above * (above * above - SLOPE) * PER_SLOPE


@compiled
def _encoded(linear):
    toe, curve = max(min(linear, TOE), ZERO), min(max(linear, TOE), ONE)
    root = math.sqrt(math.sqrt(curve))
    code = C0 + root * (C1 + root * (C2 + root * (C3 + root * (C4 + root * (C5 + root * C6)))))
    return np.uint8(np.int32(code + IN_TOE * toe))


@compiled
def _root(t):
    guess = np.int32(np.int32(F(np.float32(t).view(np.int32)) * THIRD) + MAGIC).view(np.float32)
    cube = guess * guess * guess
    return guess * (cube + TWO * t) / (TWO * cube + t)


@compiled
def _lab_root(t):
    above = max(t, CUBED_KNEE)
    return _root(above) + (t - above) * BELOW


@compiled
def develop(lightness, red_green, yellow_blue, chroma, codes):
    """Lightness in [0, 100] and the two opponents, times `chroma`, as codes; arrays are 1-D slices of one length."""
    for i in range(lightness.size):
        y_root = (lightness[i] + SIXTEEN) * PER_116
        x = _cubed(y_root + chroma[i] * red_green[i])
        y = _cubed(y_root)
        z = _cubed(y_root + chroma[i] * yellow_blue[i])
        codes[3 * i] = _encoded(R_X * x + R_Y * y + R_Z * z)
        codes[3 * i + 1] = _encoded(G_X * x + G_Y * y + G_Z * z)
        codes[3 * i + 2] = _encoded(B_X * x + B_Y * y + B_Z * z)


@compiled
def _light_of(base, tables, red, green, blue):
    for i in range(red.size):
        red[i], green[i], blue[i] = tables[0, base[3 * i]], tables[1, base[3 * i + 1]], tables[2, base[3 * i + 2]]


@compiled
def _to_lab(red, green, blue, lightness, red_green, yellow_blue):
    for i in range(red.size):
        x = _lab_root(X_R * red[i] + X_G * green[i] + X_B * blue[i])
        y = _lab_root(Y_R * red[i] + Y_G * green[i] + Y_B * blue[i])
        z = _lab_root(Z_R * red[i] + Z_G * green[i] + Z_B * blue[i])
        lightness[i], red_green[i], yellow_blue[i] = F(116) * y - SIXTEEN, x - y, z - y


@compiled
def lab_planes(base, tables, lightness, red_green, yellow_blue):
    """Interleaved codes, uint8 (3 n), by their linear light (3, 256): lightness, a / 500 and b / -200, float32 (n) each."""
    red, green, blue = np.empty(TILE, F), np.empty(TILE, F), np.empty(TILE, F)
    for i in range(0, lightness.size, TILE):
        n = min(TILE, lightness.size - i)
        _light_of(base[3 * i : 3 * (i + n)], tables, red[:n], green[:n], blue[:n])
        _to_lab(red[:n], green[:n], blue[:n], lightness[i : i + n], red_green[i : i + n], yellow_blue[i : i + n])


@compiled
def _through_lab(red, green, blue, codes):
    for i in range(red.size):
        x = _cubed(_lab_root(X_R * red[i] + X_G * green[i] + X_B * blue[i]))
        y = _cubed(_lab_root(Y_R * red[i] + Y_G * green[i] + Y_B * blue[i]))
        z = _cubed(_lab_root(Z_R * red[i] + Z_G * green[i] + Z_B * blue[i]))
        codes[3 * i] = _encoded(R_X * x + R_Y * y + R_Z * z)
        codes[3 * i + 1] = _encoded(G_X * x + G_Y * y + G_Z * z)
        codes[3 * i + 2] = _encoded(B_X * x + B_Y * y + B_Z * z)


@compiled
def look_up_light(base, tables, codes):
    """Interleaved codes by their linear light after a gain, float32 (3, 256), through Lab and back: uint8 (3 n)."""
    red, green, blue = np.empty(TILE, F), np.empty(TILE, F), np.empty(TILE, F)
    for i in range(0, base.size // 3, TILE):
        n = min(TILE, base.size // 3 - i)
        _light_of(base[3 * i : 3 * (i + n)], tables, red[:n], green[:n], blue[:n])
        _through_lab(red[:n], green[:n], blue[:n], codes[3 * i : 3 * (i + n)])


@compiled
def look_up(base, tables, codes):
    """Interleaved codes by a table for each channel, uint8 (3, 256): uint8 (3 n)."""
    for i in range(base.size // 3):
        codes[3 * i] = tables[0, base[3 * i]]
        codes[3 * i + 1] = tables[1, base[3 * i + 1]]
        codes[3 * i + 2] = tables[2, base[3 * i + 2]]
