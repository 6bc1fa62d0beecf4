# Each target installs what it needs, then does its work. Needs: npm and a POSIX shell.

BIN := node_modules/.bin
BUN := $(BIN)/bun
# What the tests, and the fast ones among them, may take before they are stopped, in seconds.
TEST_SECONDS := 4500
CHECK_SECONDS := 600
# What one test may take that says nothing else: far above what it needs, since a busy machine makes no test wrong.
TEST_MS := 120000
# Fast tests run in this many processes side by side. Tests with servers run one by one: two at a time disturb each other's measurements.
TEST_WORKERS := 2

.PHONY: help start test lint check services format bench build clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

node_modules/.installed: package-lock.json package.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

WEB := $(if $(wildcard apps/chat/index.html),apps/chat/dist/index.html)

apps/chat/dist/index.html: node_modules/.installed $(shell find apps/chat packages/look packages/client/src packages/protocol/src packages/base/src -type f -not -path '*/dist/*' -not -path '*/node_modules/*' 2>/dev/null)
	cd apps/chat && ../../$(BIN)/vite build

CONSOLE := $(if $(wildcard apps/admin/index.html),apps/admin/dist/index.html)

apps/admin/dist/index.html: node_modules/.installed $(shell find apps/admin packages/look packages/profile/src -type f -not -path '*/dist/*' -not -path '*/node_modules/*' 2>/dev/null)
	cd apps/admin && ../../$(BIN)/vite build

start: node_modules/.installed $(WEB) $(CONSOLE) ## Run the server with the web chat and two demo accounts
	@$(BUN) packages/cli/src/main.ts start --demo

lint: node_modules/.installed ## Format, lint, layers, unused code and types
	$(BIN)/biome check .
	$(BUN) tools/check-layers.ts
	$(BUN) tools/check-options.ts
	$(BUN) node_modules/knip/bin/knip-bun.js --no-progress --no-config-hints
	$(BIN)/tsc -p .

check: lint ## lint, and the fast tests
	HONGYAN_SERVICES=none timeout $(CHECK_SECONDS) $(BUN) test --timeout $(TEST_MS) --parallel=$(TEST_WORKERS) --no-isolate packages apps bench tools

test: node_modules/.installed $(WEB) $(CONSOLE) chromium prometheus helm ## Everything: fast tests, scenarios, faults, browsers, on real servers
	tools/services run --redis-cluster -- timeout $(TEST_SECONDS) $(BUN) test --timeout $(TEST_MS)

services: node_modules/.installed ## Start MariaDB, Redis and Kafka for tests, and leave them running: tools/services down ends them
	tools/services up --redis-cluster

bench: node_modules/.installed ## Measure; see docs/benchmarks.md
	$(BUN) bench/run.ts

build: node_modules/.installed $(WEB) $(CONSOLE) ## One executable with the web client inside, dist/hongyan, and the client library with its types
	$(BUN) tools/build.ts
	$(BUN) tools/build-client.ts
	$(BUN) tools/build-client-types.ts

format: node_modules/.installed ## Write the format
	$(BIN)/biome check --write .

.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || command -v $${HONGYAN_CHROMIUM:-chromium} >/dev/null || tools/install-chromium

.PHONY: prometheus
prometheus:
	@command -v promtool >/dev/null || test -x node_modules/.prometheus/promtool || tools/install-prometheus || test "$(CI)" != true

.PHONY: helm
helm:
	@tools/install-helm >/dev/null || test "$(CI)" != true

clean: ## Remove what was installed and built
	rm -rf node_modules dist apps/*/dist
