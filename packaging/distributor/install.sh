#!/bin/sh
# SSM runs this (AWS-ConfigureAWSPackage) in the folder where it unpacked the package, as root. rpm
# itself installs: what hookd requires is on every system that it knows, so no repository is asked.
set -eu
package=$(echo hookd-*.rpm)

if [ "$(rpm -qp --qf '%{NEVRA}' "$package")" = "$(rpm -q --qf '%{NEVRA}' hookd)" ]; then
  echo "$package is installed"
else
  rpm -U --oldpackage "$package"
fi
# Fails, and says why, where Python is too old.
hookd --version
