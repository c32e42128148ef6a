# A façade: every target is one or two commands that can be typed by hand.
PRESET ?= dev
JOBS ?= $(shell nproc)
BUILD = build/$(PRESET)
SUDO = $(shell [ "$$(id -u)" = 0 ] || echo sudo)

PACKAGES = g++ cmake ninja-build pkg-config ccache mold \
	libboost1.81-dev libboost-system1.81-dev libprotobuf-dev protobuf-compiler librocksdb-dev libzstd-dev \
	libre2-dev libexpected-dev libssl-dev libyaml-cpp-dev libcli11-dev \
	libspdlog-dev libmimalloc-dev libabsl-dev tzdata libgtest-dev libgmock-dev librapidcheck-dev libbenchmark-dev
CLANG_PACKAGES = clang-19 libclang-rt-19-dev

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## / — /' | sort

.PHONY: deps
deps: ## install what a build needs (Debian 12; only what is missing)
	@missing=""; for p in $(PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then $(SUDO) apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y --no-install-recommends $$missing; fi

.PHONY: deps-clang
deps-clang: deps ## also install clang 19, for determinism, fuzz and tidy
	@missing=""; for p in $(CLANG_PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then $(SUDO) apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y --no-install-recommends $$missing; fi

.PHONY: build
build: deps ## build everything (PRESET=dev)
	cmake --preset $(PRESET)
	cmake --build --preset $(PRESET) -j $(JOBS)

.PHONY: demo
demo: deps ## build, start an agent, run two jobs, simulate a scenario
	cmake --preset $(PRESET)
	cmake --build --preset $(PRESET) -j $(JOBS) --target drover sim
	bash agent/demo/run $(BUILD)/bin

.PHONY: test
test: build ## build everything and run every test
	ctest --preset $(PRESET) -j $(JOBS)

.PHONY: determinism
determinism: deps-clang ## the same seed, the same hash: two compilers, two levels of optimisation
	bash sim/determinism $(JOBS)

.PHONY: fuzz
fuzz: deps-clang ## every fuzz target for SECONDS=60 each
	cmake --preset fuzz
	cmake --build --preset fuzz -j $(JOBS) --target fuzzers
	bash fuzz/run build/fuzz/bin $${SECONDS_EACH:-60}

.PHONY: engine
engine: deps ## the engine of a recorded release as a shared library (RELEASE=0.1.0)
	bash engine/host/build_release "$(RELEASE)" $(BUILD) $(JOBS)

.PHONY: bench
bench: deps ## every benchmark, with the release preset
	cmake --preset release
	cmake --build --preset release -j $(JOBS) --target benchmarks
	bash tests/bench build/release/bin

.PHONY: soak
soak: build ## ten minutes of faults against real processes, and many more seeds of the swarm
	DROVER_SOAK_SECONDS=$${DROVER_SOAK_SECONDS:-600} DROVER_SOAK_KILLS=$${DROVER_SOAK_KILLS:-200} \
	  DROVER_SOAK_STOPS=$${DROVER_SOAK_STOPS:-50} \
	  $(BUILD)/bin/agent_cluster_test --gtest_filter='Soak.*'
	$(BUILD)/bin/sim run scenarios/swarm.yaml --seeds 1..5000

.PHONY: clean
clean: ## remove build/
	rm -rf build
