"""Division by zero, overflow and NaN raise, except where the product says otherwise.

Underflow does not: steps near a minimum, and weights of huge values, are as small as they like,
and nothing is lost where they become 0.
"""

from support.strict_numbers import raising

numbers_raise = raising(all="raise", under="ignore")
