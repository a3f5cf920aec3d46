#!/bin/sh
# What strangers send, on the status page; see tests/ui/hostile.mjs.
. "$TOP/tests/ui/browser.sh"
