#!/bin/bash
# After installing, before the reboot. Fails soft: a failed post costs the machine the reboot that
# its patches need, so only hookd's own no (exit code 1) ends 1. A hookd that cannot start, is
# killed, late or busy lets the reboot happen.

PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# asked first: a Python that cannot load hookd ends 1, too
if ! why=$(timeout --foreground -k 5 60 hookd --version 2>&1); then
  echo 'warning: hookd does not start on this machine; no post hook ran, the reboot goes on'
  echo "  why: $(printf '%s\n' "$why" | tail -n 1)"
  echo '  do: install or repair hookd until "hookd --version" works'
  exit 0
fi

timeout --foreground -k 15 3500 hookd run post
code=$?
case $code in
  0) exit 0 ;;
  1) exit 1 ;;
esac
echo "warning: hookd ended with exit code $code, which is no veto: the reboot goes on"
echo '  do: "hookd status" on the machine, "journalctl -u hookd"'
exit 0
