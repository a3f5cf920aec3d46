#!/bin/sh
# The doorman's state on the status page; see tests/ui/doorman.mjs.
. "$TOP/tests/ui/browser.sh"
