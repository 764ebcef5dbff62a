"""Ed25519 (RFC 8032) in plain integers, slow and not constant time: only to make signatures at the edges of the rule."""
import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
IDENTITY = (0, 1)


def add(a, b):
    product = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + product, P - 2, P)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, P - 2, P)
    return x % P, y % P


def times(scalar, point):
    out = IDENTITY
    while scalar:
        if scalar & 1:
            out = add(out, point)
        point = add(point, point)
        scalar >>= 1
    return out


def x_of(y, sign):
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 != sign else x


BASE = (x_of(4 * pow(5, P - 2, P) % P, 0), 4 * pow(5, P - 2, P) % P)


def torsion_point():
    """A point of order 8: a point times L keeps only its part of small order."""
    y = 2
    while True:
        x = x_of(y, 0)
        if x is not None:
            point = times(L, (x, y))
            if times(4, point) != IDENTITY:
                return point
        y += 1


def encode(point, y_plus_p=False):
    """32 bytes; with y_plus_p the second encoding that exists for y < 19."""
    return (point[1] + P * y_plus_p | (point[0] & 1) << 255).to_bytes(32, "little")


def challenge(r, key, message):
    return int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L


def secret_scalar(seed):
    half = bytearray(hashlib.sha512(seed).digest()[:32])
    half[0] &= 248
    half[31] = half[31] & 127 | 64
    return int.from_bytes(half, "little")
