#!/bin/sh
# A fresh machine: install, examine, try, go live, send, copy, restore, upgrade. Nothing leaves this machine: the phones are pretended.
#
#   tests/installing/walk.sh HANDBELL FOLDER
#
# HANDBELL is the command of an installed wheel, FOLDER an empty folder that takes the place of the machine's root.
set -eu
umask 077
handbell=$1 root=$2 python=$(dirname "$1")/python
step() { printf '== %s\n' "$*"; }
free_port() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
field() { "$python" -c 'import json, sys; print(eval(sys.argv[1], {"it": json.load(sys.stdin)}))' "$1"; }
fetch() { "$python" -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())' "$1"; }
post() {
  "$python" -c 'import sys, urllib.request as u
u.urlopen(u.Request(sys.argv[1], sys.argv[2].encode(), {"Content-Type": "application/json"}))' "$1" "$2"
}
# A condition that comes true sooner or later; two minutes are long, even on a busy machine.
wait_for() {
  until=$(($(date +%s) + 120))
  until "$@" >/dev/null 2>&1; do
    [ "$(date +%s)" -lt "$until" ] || { echo "It never came to this: $*" >&2; tail -n 20 "$root/handbell.log" >&2; exit 1; }
    sleep 0.25
  done
}
daemon= world=
trap '[ -z "$daemon" ] || kill $daemon 2>/dev/null || :; [ -z "$world" ] || kill $world 2>/dev/null || :' EXIT
start() { "$handbell" --config "$root/etc/handbell/handbell.toml" run >>"$root/handbell.log" 2>&1 & daemon=$!; }
stop() { kill "$daemon"; wait "$daemon"; daemon=; }
handbell() { "$handbell" --config "$root/etc/handbell/handbell.toml" "$@"; }

step install
"$handbell" install --systemd --write --root "$root"
export CREDENTIALS_DIRECTORY="$root/etc/handbell/credentials" # as systemd would hand them in
"$python" -c 'import secrets; print(secrets.token_hex(16))' >"$CREDENTIALS_DIRECTORY/twilio.auth_token"

step "a pretended world, and settings"
web=$(free_port) phones=$(free_port) mail=$(free_port) account=AC00000000000000000000000000000000
HANDBELL_SIMULATOR_TOKEN=$(cat "$CREDENTIALS_DIRECTORY/twilio.auth_token") "$python" -m channels.simulator \
  --http-port "$phones" --smtp-port "$mail" --account-sid $account >"$root/world.log" 2>&1 &
world=$!
cat >"$root/etc/handbell/handbell.toml" <<TOML
[school]
name = "Oakfield Primary School"
short_name = "Oakfield"
phone = "0113 496 0000"
[quiet]
enabled = false
[database]
state_dir = "$root/var/lib/handbell"
[backup]
folder = "$root/var/backups/handbell"
[web]
port = $web
[twilio]
account_sid = "$account"
api_base_url = "http://127.0.0.1:$phones"
poll_every_s = 1
[[twilio.sms_senders]]
address = "+441134960001"
parts_per_second = 50
burst = 50
[smtp]
host = "127.0.0.1"
port = $mail
security = "none"
from_address = "office@oakfield.example"
TOML
wait_for fetch "http://127.0.0.1:$phones/_sim/phones"

step "tables, people, and whether it may go live"
handbell migrate
cat >"$root/pupils.csv" <<CSV
Pupil ID,Forename,Surname,Year Group,Reg Group
P1,Ana,Nowak,Year 3,3A
P2,Ben,Baker,Year 3,3A
CSV
cat >"$root/contacts.csv" <<CSV
Pupil ID,Contact ID,Forename,Surname,Relationship,Priority,Parental Responsibility,Lives with Pupil,Court Order,Mobile Number
P1,C1,Maria,Nowak,Mother,1,Yes,Yes,No,07700 900111
P2,C2,Tom,Baker,Father,1,Yes,Yes,No,07700 900112
CSV
handbell import "$root/pupils.csv" "$root/contacts.csv"
handbell doctor
start
wait_for fetch "http://127.0.0.1:$web/readyz"

step "the trial: guests alone, and the check before its end"
notice() {
  printf 'key = "%s"\ntitle = "%s"\npurpose = "service"\nmedia = ["sms"]\ntext.en = "The gate is open: %s."\n' "$1" "$1" "$1"
  printf '[audience]\nwhole_school = true\n'
}
# What came to the families' phones; the guest has another one.
texts() {
  fetch "http://127.0.0.1:$phones/_sim/phones" |
    field 'sum(len(one["texts"]) for one in it["phones"] if one["number"] != "+447700900333")'
}
got() { [ "$(texts)" = "$1" ]; }
finding() { handbell golive check | grep -Eq "^ *$1 +$2 "; }
handbell trial guests add 07700900333 --name "Mr Reilly"
notice tried >"$root/tried.toml"
handbell notice send "$root/tried.toml" --as "Mrs Okafor"
handbell trial test
wait_for finding ok "test message"
! handbell trial end --yes --as "Mrs Okafor"
post "http://127.0.0.1:$phones/_sim/reply" '{"number": "+447700900333", "text": "STOP"}'
wait_for finding ok stop
handbell golive waive "audit key" --because "A copy lies in the safe." --as "Mr Reilly"
handbell golive waive staff --because "Codes are switched on tomorrow." --as "Mr Reilly"
handbell backup make --as "Mr Reilly"
handbell trial end --yes --as "Mrs Okafor"
got 0

step "the first one"
notice first >"$root/first.toml"
handbell notice send "$root/first.toml" --as "Mrs Okafor"
wait_for got 2

step "a copy while it runs"
handbell backup make --as "Mr Reilly"
notice second >"$root/second.toml"
handbell notice send "$root/second.toml" --as "Mrs Okafor"
wait_for got 4

step "the machine dies, the copy is put back"
kill -9 "$daemon" && { wait "$daemon" || :; } && daemon=
mkdir "$root/lost" && mv "$root"/var/lib/handbell/handbell.sqlite3* "$root/lost/"
handbell backup restore latest --as "Mr Reilly"
start
wait_for fetch "http://127.0.0.1:$web/healthz"
# The office puts in again what it knows to be missing. It has left already, and the provider's list says so.
handbell notice send "$root/second.toml" --as "Mrs Okafor"
accounted() { handbell notice show second --json | field 'it["families"]["reached"]' | grep -qx 2; }
wait_for accounted
handbell backup held
handbell backup open --as "Mr Reilly"
wait_for fetch "http://127.0.0.1:$web/readyz"
notice third >"$root/third.toml"
handbell notice send "$root/third.toml" --as "Mrs Okafor"
wait_for got 6

step "an upgrade: rehearsed, copied first, refused by a daemon of another version, done"
handbell migrate --rehearse
older=$("$python" -c 'from gateway import migrate; print(migrate.known()[1])')
stop
handbell migrate --to "$older"
! handbell run 2>/dev/null
handbell migrate
[ "$(handbell backup list --json | field 'len(it)')" -ge 2 ]
start
wait_for fetch "http://127.0.0.1:$web/readyz"
handbell audit verify
stop
got 6
step done
