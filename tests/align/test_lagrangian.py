"""The augmented Lagrangian, against values worked by hand."""

from __future__ import annotations

import pytest
import torch

from biasaudit.align.lagrangian import Multipliers


def test_a_cell_is_penalised_by_the_mean_size_of_its_contrasts() -> None:
    """|y| is 0.5 on average in a, where the signs would cancel, and 0.1 in b: 0.3 too much, that is (4 x 0.3)^2 / 8."""
    found = Multipliers(bound=0.2, rho=4.0, eta=0.5).penalty(torch.tensor([0.5, -0.5, 0.1]), ["a", "a", "b"])
    assert found.excess == pytest.approx({"a": 0.3, "b": -0.1})
    assert found.loss.item() == pytest.approx((0.18 + 0.0) / 2)
    assert found.active


def test_a_multiplier_follows_its_cell_and_stays_at_0_or_above() -> None:
    multipliers = Multipliers(bound=0.2, rho=4.0, eta=0.5)
    multipliers.follow({"a": 0.3, "b": -0.1})
    assert multipliers.values == pytest.approx({"a": 0.6, "b": 0.0})
    multipliers.follow({"a": -0.1})
    assert multipliers.values == pytest.approx({"a": 0.4, "b": 0.0})
    # Nothing is pressed any more, and what is taken off is 0.16 / 8.
    found = multipliers.penalty(torch.tensor([0.1]), ["a"])
    assert found.loss.item() == pytest.approx(-0.02, abs=1e-6)


def test_the_gradient_of_a_broken_bound_is_the_multiplier_and_the_excess() -> None:
    """For one cell of one contrast: lambda + rho g, that is 0.6 + 4 x 0.3, with the sign of y."""
    multipliers = Multipliers(bound=0.2, rho=4.0, eta=0.5)
    multipliers.follow({"a": 0.3})
    y = torch.tensor([-0.5], requires_grad=True)
    multipliers.penalty(y, ["a"]).loss.backward()  # type: ignore[no-untyped-call]
    assert y.grad is not None
    assert y.grad.tolist() == pytest.approx([-1.8])


def test_a_bound_that_holds_asks_for_nothing() -> None:
    y = torch.tensor([0.9, -0.9], requires_grad=True)
    found = Multipliers(bound=1.0, rho=4.0, eta=0.5).penalty(y, ["a", "b"])
    found.loss.backward()  # type: ignore[no-untyped-call]
    assert not found.active
    assert y.grad is not None
    assert y.grad.tolist() == [0.0, 0.0]


def test_the_bound_is_tightened_where_only_the_trained_cells_meet_it() -> None:
    """By half of what the others exceed it by; not while the trained ones do not meet it, and never below 0."""
    multipliers = Multipliers(bound=0.2, rho=4.0, eta=0.5)
    multipliers.follow({"a": 0.3})
    multipliers.tighten(0.1)
    y = torch.tensor([0.2])
    assert multipliers.penalty(y, ["b"]).excess["b"] == pytest.approx(0.0, abs=1e-6)
    multipliers.follow({"b": 0.0})
    multipliers.tighten(0.1)
    assert multipliers.penalty(y, ["b"]).excess["b"] == pytest.approx(0.05)
    multipliers.tighten(-0.5)
    assert multipliers.penalty(y, ["b"]).excess["b"] == pytest.approx(0.0, abs=1e-6)


def test_what_is_kept_is_taken_up() -> None:
    one, other = (Multipliers(bound=0.2, rho=4.0, eta=0.5) for _ in range(2))
    one.follow({"a": 0.01})
    one.tighten(0.1)
    other.load_state_dict(one.state_dict())
    y = torch.tensor([0.3])
    assert other.values == one.values
    assert other.penalty(y, ["a"]).loss.item() == one.penalty(y, ["a"]).loss.item()
