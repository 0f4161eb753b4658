# What the bootstrap says to the person in front of it. Sourced; needs bash.
# shellcheck shell=bash

say() { printf '%s\n' "$*" >&2; }

# fail STATUS TEXT...: says why, and ends the program.
fail() {
  local status=$1
  shift
  printf 'error: %s\n' "$*" >&2
  exit "$status"
}

# progress TEXT: on a terminal one line that is written over; in a log one line each.
progress() {
  if [ -t 2 ]; then printf '\r\033[K%s' "$*" >&2; else printf '%s\n' "$*" >&2; fi
}

progress_done() {
  if [ -t 2 ]; then printf '\n' >&2; fi
}
