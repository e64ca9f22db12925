# Whole programs, driven by pytest; what belongs to one part stands in that part's fragment.
EXTRA_DIST += tests/pytest.ini tests/conftest.py tests/proto/test_proto.py tests/e2e/conftest.py \
	tests/e2e/fake_executor.py tests/e2e/contract.py tests/e2e/harness.py tests/e2e/test_gateway_bus.py \
	tests/e2e/raw_ws.py tests/e2e/test_gateway_http.py tests/e2e/test_gateway_long.py tests/e2e/test_gateway_slow.py \
	tests/e2e/test_gateway_store.py tests/e2e/test_gateway_tls.py tests/e2e/test_gateway_wire.py \
	tests/e2e/test_build.py tests/e2e/test_contract.py tests/e2e/test_demo.py tests/e2e/test_mainroad.py \
	tests/e2e/test_programs.py tests/e2e/test_service.py tests/e2e/test_surroundings.py tests/e2e/test_valgrind.py
