EXTRA_DIST += bench/latency.py
