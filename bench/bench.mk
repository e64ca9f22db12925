EXTRA_DIST += bench/latency.py bench/gateway_latency.py bench/gateway_fan.py bench/gateway_flood.py bench/gateway_reading.py bench/gateway_stalled.py \
	bench/fan_ws.mjs
