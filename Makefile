# What a developer types. Each target is a line or two; what needs more is a script of its own in scripts/.

# Whom `make token` makes a token for.
TENANT ?= pawnee-parks-and-rec
SUBJECT ?= leslie.knope
ROLE ?= owner
# More words for the test runner, as in: make test ARGS=isolation
ARGS ?=

.DEFAULT_GOAL := help
# `make -j check test` would only make cargo wait for itself.
.NOTPARALLEL:

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Run the service with two tenants' data and print requests to paste; Ctrl-C stops it
	@scripts/demo

.PHONY: up
up: ## Start the demo's database and leave it running
	@scripts/dev up

.PHONY: down
down: ## Stop the demo's database, keep its data
	@scripts/dev down

.PHONY: psql
psql: ## Open psql on the demo's database, as its superuser
	@scripts/dev psql

.PHONY: token
token: ## Print a token: make token TENANT=dunder-mifflin SUBJECT=michael.scott ROLE=owner
	@scripts/token '$(TENANT)' '$(SUBJECT)' '$(ROLE)'

.PHONY: audit
audit: ## Audit the demo, then say of each relation whether it is served
	@scripts/dev run audit
	@scripts/dev run check

.PHONY: browser
browser: ## Try the page at /docs in headless Chromium
	@scripts/browser

.PHONY: conformance
conformance: ## Hold the service to its OpenAPI document, with made-up requests (ARGS=24 for ten minutes of them)
	@scripts/conformance $(ARGS)

.PHONY: oidc
oidc: ## Log in at an OpenID Connect provider and use its tokens
	@scripts/oidc

.PHONY: build
build: ## Build the release binary, target/release/rowhouse
	cargo build --release --locked

.PHONY: test
test: ## Run the tests against a private PostgreSQL
	@scripts/test $(ARGS)

.PHONY: versions
versions: ## Run the tests of the auditor and of isolation on PostgreSQL 17 and 18 (ARGS='17 audit::tn2' for some)
	@scripts/versions $(ARGS)

.PHONY: formats
formats: ## Hold the auditor's SARIF to its schema, and run its pgTAP
	@scripts/formats

.PHONY: clients
clients: ## Try the dialect with the clients that people use, in JavaScript and Python
	@scripts/clients $(ARGS)

.PHONY: check
check: ## Everything that can be wrong without running a test: format, lints, documents
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items
	scripts/docs --check

.PHONY: fmt
fmt: ## Format the code
	cargo fmt

.PHONY: lint
lint: ## Lint the code, and the scripts where shellcheck is installed
	cargo clippy --all-targets -- -D warnings
	if command -v shellcheck >/dev/null; then grep -lE '^#!.*bash' scripts/* .ci/run | xargs shellcheck -x; fi

.PHONY: docs
docs: ## Write the documents that the program knows itself, docs/config.md, docs/errors.md and docs/audit
	scripts/docs

.PHONY: bench
bench: ## Measure throughput, latency and memory (25 minutes; ARGS=quick or planner for a few)
	@scripts/bench $(ARGS)

.PHONY: fuzz
fuzz: ## Feed made-up requests to parser and planner (5 minutes; ARGS=600 for ten)
	@scripts/fuzz $(ARGS)

.PHONY: clean
clean: ## Delete what was built, and the private databases with their data
	scripts/dev clean
	if command -v cargo >/dev/null; then cargo clean; fi
