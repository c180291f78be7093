"""What the tests of the frameworks share: an organization in memory, an agent that may buy for up to 100, and for more than 50 asks."""

from legation.testing import Organization, ScriptedModel

LIMIT = {"type": "argument", "name": "amount", "max": 100}
say = ScriptedModel.call


class Shop:
    def __init__(self, *constraints, tools=("buy",)):
        self.organization = Organization()
        self.bought = []
        self.acting = self.organization.acting(tools=tools, constraints=[LIMIT, *constraints])

    @classmethod
    def with_approvals(cls):
        organization = Organization()
        shop = cls.__new__(cls)
        shop.organization, shop.bought = organization, []
        shop.acting = organization.acting(tools=["buy"], constraints=[LIMIT, organization.needs_approval(above=50)])
        return shop

    def buy(self, item: str, amount: int, currency: str = "USD") -> str:
        """Buys an item for an amount in cents."""
        self.bought.append((item, amount))
        return f"bought {item}"

    def sell(self, item: str) -> str:
        """Sells an item."""
        self.bought.append(item)
        return f"sold {item}"


#: A model that asks for too much, then for what nobody delegated, then for what is permitted.
def stubborn():
    return ScriptedModel(
        say("buy", item="tea", amount=500, currency="USD"), say("sell", item="tea"), say("buy", item="tea", amount=40, currency="USD"), "done"
    )


#: And one that asks for what somebody has to approve.
def eager():
    return ScriptedModel(say("buy", item="tea", amount=90, currency="USD"), "done")
