EXTRA_DIST += bench/latency.py bench/gateway_latency.py
