#!/bin/bash
# Before installing. Fails closed: whatever is not hookd's own yes ends 1, and nothing is installed.
#
# SSM patches on after a timeout, and takes exit code 137 for one. So hookd is ended before the
# step's own timeout (3600 s), and nothing here says exec: no code but 0 and 1 leaves this script.

PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

if ! why=$(timeout --foreground -k 5 60 hookd --version 2>&1); then
  echo 'failed: hookd does not start on this machine, so nothing will be installed'
  echo "  why: $(printf '%s\n' "$why" | tail -n 1)"
  echo '  do: install or repair hookd until "hookd --version" works, then patch again; or take'
  echo '      this document out of PreInstallHookDocName to patch without hooks'
  exit 1
fi

timeout --foreground -k 15 3500 hookd run pre
code=$?
case $code in
  0) exit 0 ;;
  1) exit 1 ;;
  2 | 3 | 70 | 75 | 78 | 130) echo "failed: exit code $code, so nothing will be installed" ;;
  124) echo 'failed: hookd did not answer within 3500 s, so nothing will be installed' ;;
  *) echo "failed: hookd was killed (exit code $code), so nothing will be installed" ;;
esac
echo '  do: see "hookd status" on the machine and "journalctl -u hookd", then patch again'
exit 1
