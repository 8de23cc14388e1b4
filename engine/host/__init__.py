"""Where it runs, and for whom: home, machine, a lent GPU, access."""
