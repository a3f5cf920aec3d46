#!/bin/sh
# The status page in a browser; see tests/ui/page.mjs.
. "$TOP/tests/ui/browser.sh"
