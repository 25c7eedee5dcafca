"""The boxes of libsodium, by ctypes; imported by oracle.py. Whatever is opened is sealed again: the bytes must be the same."""

import ctypes
import ctypes.util

_sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
if _sodium.sodium_init() < 0:
    raise OSError("libsodium does not start")
MAC = 16


def _call(name, size, *arguments):
    out = ctypes.create_string_buffer(size)
    length = [ctypes.c_ulonglong(a) if isinstance(a, int) else a for a in arguments]
    if getattr(_sodium, name)(out, *length) != 0:
        raise ValueError(f"{name} refuses")
    return out.raw[:size]


def public(secret):
    return _call("crypto_scalarmult_base", 32, secret)


def shared(their_public, own_secret):
    return _call("crypto_box_beforenm", 32, their_public, own_secret)


def seal(key, nonce, text):
    assert len(nonce) == 24
    return _call("crypto_box_easy_afternm", MAC + len(text), text, len(text), nonce, key)


def open_same(key, nonce, boxed):
    """The text of a box that libsodium would have made of it, byte for byte."""
    assert len(nonce) == 24
    text = _call("crypto_box_open_easy_afternm", len(boxed) - MAC, boxed, len(boxed), nonce, key)
    assert seal(key, nonce, text) == boxed, "another box for the same text"
    return text
