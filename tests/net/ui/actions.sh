#!/bin/sh
# What operators do on the status page; see tests/ui/actions.mjs.
. "$TOP/tests/ui/browser.sh"
