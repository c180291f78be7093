"""pytest's fixture `legation_organization`: an organization in memory, another for each test."""

from __future__ import annotations

import pytest

from .testing import Organization


@pytest.fixture
def legation_organization() -> Organization:
    """An organization in memory, for this test alone."""
    return Organization()
