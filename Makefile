# Harken. `make` alone lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unreleased)
FUZZTIME ?= 30s
HARKEN_CRASH_ROUNDS ?= 300

# The linters and the test runner live in a module of their own, so that go.mod names only what the program uses.
TOOL := go tool -modfile=.ci/tools/go.mod
LOCK := web/package-lock.json
BUNDLE := web/assets/dist/vendor.js

# Build flags are arguments, never GOFLAGS: the caller's GOFLAGS stay as they are. nomsgpack leaves 6 MiB of gin out;
# release makes a missing front-end bundle a build error, so it is set only where the bundle exists.
TAGS = nomsgpack$(if $(wildcard $(BUNDLE)),$(comma)release)
comma := ,
BUILD = CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o harken

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

.PHONY: build
build: try-assets ## build ./harken (with the front-end bundle where npm is there)
	@$(MAKE) --no-print-directory binary

.PHONY: binary
binary:
	$(BUILD) -tags $(TAGS) ./cmd/harken

.PHONY: run
run: build ## build, then start the demo: everything on this machine, nothing to configure
	./harken demo

# Without npm, or without its registry, Harken still builds; its pages then say what is missing.
.PHONY: try-assets
try-assets:
	@if command -v npm >/dev/null; then \
	  $(MAKE) --no-print-directory assets || echo 'make: no front-end bundle; pages work as plain forms and say so'; \
	else echo 'make: npm is not installed, building without the front-end bundle (live updates)'; fi

.PHONY: assets
assets: $(BUNDLE) ## fetch and join the front-end files (only when the lock file changed)

web/node_modules/.package-lock.json: $(LOCK)
	npm --prefix web ci
	@touch $@

$(BUNDLE): web/node_modules/.package-lock.json $(wildcard web/assets/bundle/*.go)
	go generate ./web/assets
	@touch $@

.PHONY: generate
generate: ## write the Go code of the templ components
	go tool templ generate

.PHONY: lint
lint: generate ## generated code up to date, gofumpt, vet, staticcheck, module hashes
	bash .ci/lint

.PHONY: test
test: ## the whole test suite; as root on Debian it installs what is missing
	bash .ci/test

.PHONY: test-bare
test-bare: ## make test on a bare Debian (debootstrap, as root; BARE=folder)
	bash .ci/bare

.PHONY: crash
crash: ## kill -9 at random moments, HARKEN_CRASH_ROUNDS times
	HARKEN_CRASH_ROUNDS=$(HARKEN_CRASH_ROUNDS) go test -count=1 -timeout=0 -run 'Crash|Kill' -v ./cmd/harken

.PHONY: fuzz
fuzz: ## every fuzz target, FUZZTIME each
	bash .ci/fuzz $(FUZZTIME)

.PHONY: clean
clean: ## remove what the other targets made
	rm -rf harken artefacts web/node_modules
	if [ -d web/assets/dist ]; then find web/assets/dist -type f ! -name .gitignore -delete; fi
