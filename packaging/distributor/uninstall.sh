#!/bin/sh
# SSM runs this, also before install.sh of the next version, unless that is an in-place update. What
# hookd keeps in /etc/hookd, /var/lib/hookd and /var/log/hookd stays.
set -eu

if rpm -q hookd >/dev/null; then
  rpm -e hookd
else
  echo "hookd is not installed"
fi
