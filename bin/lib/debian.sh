# Installs the Debian packages of requirements/debian.txt that are missing. Sourced; needs bash and terminal.sh.
# shellcheck shell=bash

APT_TRIES_MAX=3            # a mirror that fails three times in a row is down, not busy
APT_RETRY_SECONDS=5        # the pause grows by this much each try
APT_LOCK_WAIT_SECONDS=120  # unattended upgrades on a fresh machine hold dpkg's lock for about a minute

export DEBIAN_FRONTEND=noninteractive

# debian_rows FOR...: "package version" of each package that is needed for one of these.
debian_rows() {
  local package version needed_for _why wanted
  while IFS='|' read -r package version needed_for _why; do
    package=${package// /} version=${version// /} needed_for=${needed_for// /}
    case $package in '' | '#'*) continue ;; esac
    for wanted in "$@"; do
      if [ "$needed_for" = "$wanted" ]; then printf '%s %s\n' "$package" "$version"; fi
    done
  done <"$PHOTON_ROOT/requirements/debian.txt"
}

# debian_missing FOR...: "package=version" of each that is not installed. One that is installed in another
# version is kept, with a warning: this machine's owner chose it, and a downgrade could take other things away.
debian_missing() {
  local rows package version installed
  local -A have=()
  rows=$(debian_rows "$@")
  # A package that dpkg has never heard of makes dpkg-query fail; it is simply not in the answer.
  while read -r package _status installed; do
    have[$package]=$installed
  done < <(dpkg-query --show --showformat='${Package} ${db:Status-Abbrev} ${Version}\n' \
    $(printf '%s\n' "$rows" | cut -d' ' -f1) 2>/dev/null | grep -E '^[^ ]+ ii')
  while read -r package version; do
    if [ -z "$package" ]; then continue; fi
    installed=${have[$package]-}
    # shellcheck disable=SC2254  # the version is a pattern on purpose
    case $installed in
      '') printf '%s=%s\n' "$package" "$version" ;;
      $version) ;;
      *) say "warning: $package $installed is installed, the project was tried with $version; keeping yours" ;;
    esac
  done <<<"$rows"
}

# debian_need FOR...: installs what is missing, or says which command does.
debian_need() {
  local missing
  mapfile -t missing < <(debian_missing "$@")
  if [ "${#missing[@]}" -eq 0 ]; then return 0; fi
  command -v apt-get >/dev/null ||
    fail 3 "this needs the Debian packages ${missing[*]}, and there is no apt-get here. Debian 12 is what the project runs on."
  if [ "$(id -u)" -ne 0 ]; then
    fail 3 "Debian packages are missing, and only root can install them. Run this, then try again:
  sudo apt-get install -y --no-install-recommends $(printf "'%s' " "${missing[@]}")"
  fi
  say "installing ${#missing[@]} Debian packages: ${missing[*]%%=*}"
  if ! apt_knows "${missing[@]}"; then apt_try "reading the package lists" update; fi
  if ! apt_install "${missing[@]}"; then
    # Lists that are days old name files that the mirror has dropped; new lists name the new ones.
    apt_try "reading the package lists again" update
    apt_install "${missing[@]}" ||
      fail 3 "apt-get could not install ${missing[*]}; its own words are above. Mend that, then run this again."
  fi
}

# debian_lists_need: reads the package lists where there are none, as in a fresh container. The demo guest is made
# of packages that are downloaded, not installed. Without root nothing is done here; its builder says what to do.
debian_lists_need() {
  if compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || [ "$(id -u)" -ne 0 ]; then return 0; fi
  apt_try "reading the package lists" update ||
    fail 3 "apt-get update failed; its own words are above. Mend that, then run this again."
}

# apt_knows PACKAGE=VERSION...: whether the lists on this machine hold all of them, so that no update is needed.
apt_knows() {
  apt-get install --simulate --quiet --quiet --no-install-recommends "$@" >/dev/null 2>&1
}

apt_install() {
  apt_try "installing" install --yes --no-install-recommends "$@"
}

# apt_try WHAT APT_ARGUMENTS...: runs apt-get with its progress shown; tries again a bounded number of times.
apt_try() {
  local what=$1 try
  shift
  for ((try = 1; try <= APT_TRIES_MAX; try++)); do
    if apt_get "$what" "$@"; then return 0; fi
    if [ "$try" -lt "$APT_TRIES_MAX" ]; then
      say "$what failed; trying again in $((try * APT_RETRY_SECONDS)) s ($((try + 1)) of $APT_TRIES_MAX)"
      sleep "$((try * APT_RETRY_SECONDS))"
    fi
  done
  return 1
}

# apt_get WHAT APT_ARGUMENTS...: apt-get tells how far it is on descriptor 3 (APT::Status-Fd).
# Its ordinary words are kept for the case that it fails.
apt_get() {
  local what=$1 words status=0
  shift
  words=$(mktemp)
  apt-get --quiet -o APT::Status-Fd=3 -o DPkg::Lock::Timeout="$APT_LOCK_WAIT_SECONDS" "$@" \
    3>&1 >"$words" 2>&1 </dev/null | apt_progress "$what" || status=$?
  if [ "$status" -ne 0 ]; then tail -n 15 "$words" >&2; fi
  rm -f "$words"
  return "$status"
}

# Lines are "dlstatus:N:PERCENT:TEXT" while fetching and "pmstatus:PACKAGE:PERCENT:TEXT" while installing.
apt_progress() {
  local what=$1 kind _subject percent _text shown=-1 stage
  while IFS=: read -r kind _subject percent _text; do
    case $kind in
      dlstatus) stage=fetching ;;
      pmstatus) stage=unpacking ;;
      *) continue ;;
    esac
    percent=${percent%%.*}
    # In a log every tenth is enough; a terminal's line is written over.
    if [ "$shown" = "$stage$((percent / 10))" ] && [ ! -t 2 ]; then continue; fi
    shown=$stage$((percent / 10))
    progress "  $what: $stage ${percent} %"
  done
  progress_done
}
