"""Nothing lost, whatever is killed and cut: chaos.py, for ten seconds; AGENTGATE_LONG_TESTS=1: for ten minutes.

AGENTGATE_CHAOS_SEED=N plays the deeds of one seed again.
"""
import os
import random

import pytest

import chaos


@pytest.mark.parametrize("gateways", [1, 2])
def test_nothing_is_lost(build_dir, gateways):
    seed = int(os.environ.get("AGENTGATE_CHAOS_SEED") or random.randrange(1 << 30))
    seconds = 600 if os.environ.get("AGENTGATE_LONG_TESTS") == "1" else chaos.ROUND_SECONDS
    print("seed", seed)
    chaos.run(build_dir, seed, gateways, seconds)
