# What every program in bin/ starts with: this checkout's root, and the installation of what it lacks.
#
#   . "$(dirname "$(readlink -f "$0")")/lib/bootstrap.sh"
#   venv_need run             # .venv with requirements/run.lock
#   debian_need run           # the Debian packages of these groups
#
# Both are quick when nothing is missing. Sourced; needs bash.
# shellcheck shell=bash

set -euo pipefail
PHOTON_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
export PHOTON_ROOT
for part in terminal debian python; do
  # shellcheck source=/dev/null
  . "$PHOTON_ROOT/bin/lib/$part.sh"
done
unset part
