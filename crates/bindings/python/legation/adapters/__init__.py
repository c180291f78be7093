"""Adapters for agent frameworks: each some thirty lines over one interface, `base.Acting`."""
