#!/bin/bash
# The custom health check script for Bash of a machine policy: docs/monitoring.md explains it.
type echo_warning >/dev/null 2>&1 || echo_warning() { echo "$1"; }
type fail_healthcheck >/dev/null 2>&1 || fail_healthcheck() { echo "$1"; exit 1; }
code=0
report=$(octo-tentacle check --quiet) || code=$?
case $code in
0) [ -z "$report" ] || echo_warning "$report" ;;
1) fail_healthcheck "$report" ;;
*) echo_warning "octo-tentacle check could not look (exit code $code)" ;;
esac
