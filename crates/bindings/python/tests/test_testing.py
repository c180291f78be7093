"""`legation.testing`, as pytest runs it."""

import subprocess
import sys

import pytest

from legation import LegationError
from legation.testing import Organization, ScriptedModel, assert_denied, assert_permitted

LIMIT = {"type": "argument", "name": "amount", "max": 100}


def test_what_is_delegated_is_permitted_and_the_rest_denied(legation_organization):
    acting = legation_organization.acting(tools=["buy"], constraints=[LIMIT])
    assert_permitted(acting.on_tool_call("buy", {"amount": 100}))
    assert_denied("constraint_violated", acting.on_tool_call("buy", {"amount": 101}))
    assert_denied("not_granted", acting.on_tool_call("sell", {}))
    assert_denied("not_granted", acting.on_model_call("small"))
    with acting.delegate_to("child", constraints=[{**LIMIT, "max": 10}]) as child:
        assert_denied("constraint_violated", child.on_tool_call("buy", {"amount": 11}))


def test_a_child_has_a_budget_of_its_own(legation_organization):
    acting = legation_organization.acting()
    with acting.delegate_to("researcher", budget="0.50USD", tools=["search"]) as child:
        assert_permitted(child.on_tool_call("search", {"amount": 50, "currency": "USD"}))
        denied = assert_denied("budget_exceeded", child.on_tool_call("search", {"amount": 1, "currency": "USD"}))
        assert_denied("budget_exceeded", denied.require)
        assert_denied("not_granted", child.on_tool_call("buy", {"amount": 1, "currency": "USD"}))
    for wrong in ("0.505USD", "5", "5USD/year", "-5USD"):
        with assert_denied("input"):
            acting.agent.child(budget=wrong)


def test_an_organization_trusts_its_own_alone(legation_organization):
    other = Organization()
    acting = legation_organization.acting(verifier=other.verifier())
    assert_denied("root_untrusted", acting.on_tool_call("buy", {}))


def test_an_approval_is_of_one_request(legation_organization):
    acting = legation_organization.acting(constraints=[legation_organization.needs_approval(above=50)])
    facts = {"amount": 90, "currency": "USD"}
    denied = assert_denied("approval_required", acting.on_tool_call("buy", facts))
    approval = legation_organization.approve(denied)
    assert_denied("approval_required", acting.on_tool_call("buy", {**facts, "amount": 91}, approvals=[approval]))
    assert_permitted(acting.on_tool_call("buy", facts, approvals=[approval]))
    with assert_denied("approval_required"):
        acting.on_tool_call("buy", facts).require()


def test_assertions_fail_where_nothing_was_denied(legation_organization):
    acting = legation_organization.acting(tools=["buy"])
    permitted, denied = acting.on_tool_call("buy", {}), acting.on_tool_call("sell", {})
    for wrong in (permitted, denied, "bought tea", "denied: not_granted. Expected a grant", {"code": "other"}, lambda: None):
        with pytest.raises(AssertionError):
            assert_denied("revoked", wrong)
    with pytest.raises(AssertionError), assert_denied("revoked"):
        pass
    with pytest.raises(AssertionError):
        assert_permitted(denied)
    with pytest.raises(ZeroDivisionError), assert_denied("revoked"):
        1 / 0
    assert assert_denied("not_granted", "denied: not_granted. Expected a grant, found none.")
    assert assert_denied("not_granted", lambda: denied.require()).code == "not_granted"


def test_a_scripted_model_says_what_it_was_told_to_say():
    script = ScriptedModel(ScriptedModel.call("buy", amount=1), "done")
    assert script.next("tea, please")["arguments"] == {"amount": 1}
    assert (script.next("bought"), script.told()) == ("done", "tea, please\nbought")
    with pytest.raises(AssertionError):
        script.next()


def test_the_first_delegation_needs_its_terms():
    organization = Organization()
    for terms in ({"actions": []}, {"actions": ["not an action"]}, {"valid_for": 0}, {"valid_for": True}, {"unknown": 1}, {"max_depth": -1}):
        with pytest.raises(LegationError):
            organization.agent(**terms)
    with pytest.raises(LegationError):
        organization.approver.approve({"type": "LegationApprovalRequest", "action": "a"})


if __name__ == "__main__":
    sys.exit(subprocess.call([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]))
