"""Functions that go wrong in every way, for the process that is there to take it."""

import ctypes
import os

from rhohat import DataFileError


def echo(text, number):
    return [text, number]


def refuse(text):
    raise DataFileError(text)


def break_down():
    return {}["missing"]


def crash():
    ctypes.string_at(0)


def loop():
    ctypes.CDLL(None).sleep(60)


def fill():
    return len(bytearray(4 << 30))


def print_much():
    os.write(1, b"noise\n")
    print("noise")
