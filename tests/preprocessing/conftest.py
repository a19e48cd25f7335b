"""Division by zero, overflow, underflow and NaN raise, except where the product says otherwise."""

from support.strict_numbers import raising

numbers_raise = raising(all="raise")
