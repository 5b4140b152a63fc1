"""Prices and times for the screen are exact, and what is missing stays missing."""

from decimal import Decimal

import numpy as np
import pytest

import tickwire as tw


@pytest.mark.parametrize(
    ("units", "shown"),
    [
        (191_250_000_000, "191.25"),
        (100_000_000_000, "100.00"),
        (1, "0.000000001"),
        (-1, "-0.000000001"),
        (-2_500_000_000, "-2.50"),
        (123_400_000, "0.1234"),
        (0, "0.00"),
        (2**63 - 2, "9223372036.854775806"),
        (-(2**63), "-9223372036.854775808"),
    ],
)
def test_a_price_is_exact(units: int, shown: str) -> None:
    assert tw.price(units) == Decimal(units).scaleb(-9)
    assert f"{tw.price(np.int64(units)):f}" == shown


def test_a_missing_price_is_none_and_nan() -> None:
    assert tw.price(tw.UNDEF_PRICE) is None
    shown = tw.prices([1_500_000_000, tw.UNDEF_PRICE])
    assert shown[0] == 1.5 and np.isnan(shown[1])


def test_times_are_in_ns_and_missing_ones_are_nat() -> None:
    shown = tw.times(np.array([1_700_000_000_123_456_789, tw.UNDEF_TIME], np.uint64))
    assert str(shown[0]) == "2023-11-14T22:13:20.123456789"
    assert np.isnat(shown[1])
