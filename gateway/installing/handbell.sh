#!/bin/sh
# A command on a live installation, called as root: with the service's account, its settings and its credentials.
exec systemd-run --quiet --wait --collect --pty --pipe --same-dir \
  -p User=handbell -p Group=handbell -p UMask=0077 \
  -p StateDirectory=handbell -p StateDirectoryMode=0700 \
  -p LoadCredential=handbell:/etc/handbell/credentials \
  -p Environment=PYTHONSAFEPATH=1 \
  /opt/handbell/bin/handbell "$@"
