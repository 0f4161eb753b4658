# Makes .venv hold exactly what a lock file names. Sourced; needs bash, terminal.sh and debian.sh.
# shellcheck shell=bash

VENV=$PHOTON_ROOT/.venv
# Present while packages are being installed. Found at the start, it means that an installation was cut off,
# and a half-unpacked package looks like a whole one to pip: the folder is made anew.
VENV_UNFINISHED=$VENV/photon-unfinished
PIP_RETRIES_MAX=5
BOOTSTRAP_WAIT_SECONDS=900 # a first installation on a slow link takes minutes; the second caller waits for it

# venv_need LOCK: makes .venv satisfy requirements/LOCK.lock ("run", "ha" or "dev"; each holds all of those before it).
venv_need() {
  local lock=$1
  if venv_is_ready "$lock"; then return 0; fi
  exec {bootstrap_lock}<"$PHOTON_ROOT/requirements"
  flock --wait "$BOOTSTRAP_WAIT_SECONDS" "$bootstrap_lock" ||
    fail 4 "another start of this checkout has been installing for over $BOOTSTRAP_WAIT_SECONDS s. Look for it, then try again."
  # The other one may have done the work while this one waited.
  if ! venv_is_ready "$lock"; then venv_install "$lock"; fi
  exec {bootstrap_lock}<&-
}

# The stamp names what was installed and where: a folder that was moved has wrong paths in its scripts.
venv_stamp() {
  local sum
  sum=$(sha256sum <"$PHOTON_ROOT/requirements/$1.lock")
  printf '%s %s' "${sum%% *}" "$VENV"
}

venv_is_ready() {
  local stamp
  [ -x "$VENV/bin/python" ] && [ ! -e "$VENV_UNFINISHED" ] && [ -r "$VENV/photon-$1" ] || return 1
  stamp=$(<"$VENV/photon-$1")
  [ "$stamp" = "$(venv_stamp "$1")" ]
}

venv_install() {
  local lock=$1 python
  if [ -e "$VENV" ] && [ ! -w "$VENV" ]; then
    fail 3 "$VENV is not as requirements/$lock.lock says, and it belongs to $(stat -c %U "$VENV"). Run this as that user, or use a checkout of your own."
  fi
  if [ -e "$VENV_UNFINISHED" ]; then say ".venv: the last installation was cut off; making it anew"; fi
  if [ -e "$VENV_UNFINISHED" ] || ! venv_is_whole; then
    rm -rf "$VENV"
    python=$(python_with_venv) || exit
    say "making .venv with $python"
    mkdir "$VENV"
    : >"$VENV_UNFINISHED"
    "$python" -m venv "$VENV"
  fi
  : >"$VENV_UNFINISHED"
  rm -f "$VENV/photon-run" "$VENV/photon-ha" "$VENV/photon-dev"
  pip_install "$lock"
  venv_stamp run >"$VENV/photon-run"
  case $lock in ha | dev) venv_stamp ha >"$VENV/photon-ha" ;; esac
  case $lock in dev) venv_stamp dev >"$VENV/photon-dev" ;; esac
  rm -f "$VENV_UNFINISHED"
}

# Whether .venv can run and was made at this place.
venv_is_whole() {
  [ -x "$VENV/bin/pip" ] && "$VENV/bin/python" -c 'import pip' 2>/dev/null &&
    grep --quiet --fixed-strings "$VENV/bin/python" "$VENV/bin/pip"
}

# A python 3.11 that can make a venv; Debian's own is installed if there is none.
python_with_venv() {
  local candidate
  for candidate in python3.11 /usr/bin/python3.11 python3; do
    if python_fits "$candidate"; then command -v "$candidate" && return 0; fi
  done
  debian_need python >&2
  python_fits /usr/bin/python3.11 ||
    fail 3 "no Python 3.11 with venv was found, and Debian's did not bring one. Install python3.11 and python3.11-venv."
  printf '/usr/bin/python3.11\n'
}

python_fits() {
  "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null
}

pip_install() {
  local lock=$1 file=$PHOTON_ROOT/requirements/$1.lock total words status=0
  total=$(grep --count -E '^[A-Za-z0-9]' "$file")
  words=$(mktemp)
  say "installing $total Python packages of requirements/$lock.lock"
  # Compiling all modules at once takes longer than the rest; Python compiles those that are used when they are.
  "$VENV/bin/python" -m pip install --no-compile --disable-pip-version-check --no-input --retries "$PIP_RETRIES_MAX" \
    --progress-bar off --require-hashes --no-deps --requirement "$file" 2>&1 </dev/null |
    tee "$words" | pip_progress "$total" || status=$?
  if [ "$status" -ne 0 ]; then
    tail -n 15 "$words" >&2
    rm -f "$words"
    fail 4 "pip could not install requirements/$lock.lock; its own words are above. Run this again: it starts over."
  fi
  rm -f "$words"
}

pip_progress() {
  local total=$1 seen=0 verb name _rest
  while read -r verb name _rest; do
    case $verb in
      Collecting | Processing | Requirement)
        seen=$((seen + 1))
        if [ "$verb" != Requirement ]; then progress "  fetching $seen of $total: ${name##*/}"; fi
        ;;
      Installing) progress "  unpacking $total packages" ;;
    esac
  done
  progress_done
}
