# make help lists the targets. Whatever CI runs (.ci/run) is a target here.
SHELL := bash
VERSION   ?= 0.1.0
COMMIT    ?= $(shell git describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null || echo unknown)
BUILDTIME ?= $(shell date -u $${SOURCE_DATE_EPOCH:+-d @$$SOURCE_DATE_EPOCH} +%Y-%m-%dT%H:%M:%SZ)

PREFIX  ?= /usr/local
DESTDIR ?=
FUZZTIME ?= 30s
# The whole of make test must end within this; a single package within TEST_PKG_TIMEOUT.
TEST_TIMEOUT     ?= 35m
TEST_PKG_TIMEOUT ?= 25m
# What make fresh runs, and as whom: root or user.
CMD ?= make test
AS  ?= root
# Extra flags of go test, e.g. TESTFLAGS='-run Contract -v'.
TESTFLAGS ?=
SOAKFLAGS ?=
PKG       ?= ./... ./.ci/testlog ./.ci/habits

LDFLAGS = -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.buildTime=$(BUILDTIME)
# not every system has timeout(1)
LIMIT   = $(if $(shell command -v timeout),timeout --foreground --kill-after=30s $(TEST_TIMEOUT))
LINTER  = go tool -modfile=.ci/tools/go.mod golangci-lint

.PHONY: all build test fresh lint fuzz golden docs proto soak integration bench demo install man deb clean help uninstall
all: lint test build

build: dist/go/go.mod ## static binaries into bin/, and what plugins and listeners in Go are built of into dist/go
	CGO_ENABLED=0 go build -trimpath -tags grpcnotrace -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

dist/go/go.mod: go.mod packaging/gosource $(shell find sdk core/held eventlistener internal -name '*.go' ! -name '*_test.go' 2>/dev/null)
	@packaging/gosource dist/go

test: ## install what the tests need, then run all of them with the race detector
	@.ci/test-deps
	@.ci/test '$(LIMIT)' -race -timeout $(TEST_PKG_TIMEOUT) $(TESTFLAGS) $(PKG)

fresh: ## CMD (make test) in a new, minimal Debian 12, as root: nothing comes from this machine; AS=user: as an ordinary user
	@AS='$(AS)' .ci/fresh $(CMD)

lint: ## format, vet for every system we build for, golangci-lint, go.mod, paths
	@.ci/lint '$(LINTER)'

golden: ## rewrite the golden files
	UPDATE_GOLDEN=1 go test -count=1 -run Golden $(PKG)

docs: ## docs/configuration.md, supervisord.conf(5), docs/methods.md and what is generated of sdk/client, made of the declarations of keys and methods
	UPDATE_GOLDEN=1 go test -count=1 -run TestGoldenReference ./core/config/reference ./core/rpc/reference

proto: ## what protoc makes of sdk/proto/plugin.proto, for Go and Python (apt-get install protobuf-compiler)
	@.ci/generate

fuzz: ## each fuzz target for FUZZTIME (30s)
	@.ci/fuzz $(FUZZTIME) $(PKG)

soak: ## the tests at full size (make test runs a twentieth); takes up to an hour
	@.ci/test-deps
	HARK_SOAK=1 go test -count=1 -timeout 2h $(SOAKFLAGS) $(PKG)

integration: ## the plugins against the programs that they are for (syslog-ng, VictoriaLogs, Postfix …), and listeners in forty languages; RECEIVERS=debian: only what is quick to get of Debian, as CI does
	@TESTFLAGS='$(TESTFLAGS)' .ci/integration $(or $(RECEIVERS),all)

bench: build ## Hark beside Python's supervisord; results and table under OUT (a temporary directory)
	bench/run

demo: build ## run supervisord in the foreground with examples/demo
	@examples/demo/run

install: ## install what make build has made into PREFIX (/usr/local), below DESTDIR if given; it needs no Go
	@packaging/install '$(DESTDIR)' '$(PREFIX)'

uninstall: ## remove what make install has put into PREFIX; configurations and logs stay
	@packaging/uninstall '$(DESTDIR)' '$(PREFIX)'

man: build ## the manual page of each program into dist/man, made of its own help
	@mkdir -p dist/man && for p in supervisord supervisorctl pidproxy echo_supervisord_conf supervisor-listeners supervisor-plugins supervisor-listener-test supervisor-mcp; do packaging/man $$p '$(VERSION)' >dist/man/$$p.1; done
	@packaging/man supervisord.conf '$(VERSION)' >dist/man/supervisord.conf.5

deb: build ## dist/hark_VERSION_ARCH.deb, in place of Debian's supervisor
	@packaging/deb/build '$(VERSION)'

clean: ## remove bin/ and dist/
	rm -rf bin dist

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10
