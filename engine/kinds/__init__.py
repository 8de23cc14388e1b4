"""What several tasks can share: one module a kind of target."""
