#!/bin/bash
# On exit, after the reboot; also after a scheduled reboot (PostRebootHookDocName). Whatever is not
# hookd's own yes ends 1, so that nobody takes the machine for well.
#
# Nothing here says exec: a killed hookd must not become exit code 137, a timeout to SSM.

PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

if ! why=$(timeout --foreground -k 5 60 hookd --version 2>&1); then
  echo 'failed: hookd does not start on this machine; nothing was verified, and nothing that the'
  echo '        pre hooks took away was put back'
  echo "  why: $(printf '%s\n' "$why" | tail -n 1)"
  echo '  do: install or repair hookd until "hookd --version" works, then "hookd run on-exit"'
  exit 1
fi

timeout --foreground -k 15 3500 hookd run on-exit
code=$?
case $code in
  0) exit 0 ;;
  1) exit 1 ;;
  2 | 3 | 70 | 75 | 78 | 130) echo "failed: exit code $code" ;;
  124) echo 'failed: hookd did not answer within 3500 s' ;;
  *) echo "failed: hookd was killed (exit code $code)" ;;
esac
echo '  do: "hookd status" on the machine says what is left; "hookd recover" goes on with it'
exit 1
