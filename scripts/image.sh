#!/usr/bin/env bash
# The image of Ray for tests: it is built, and its commands run in containers as ECS runs them.
#   scripts/image.sh build                      builds it; status 3: that is not possible on this machine
#   scripts/image.sh run OPTION… -- COMMAND…    becomes a container in the caller's network, with more options of podman run
#   scripts/image.sh clean                      ends the containers that are left, and what an interrupted build has mounted
# Everything lies in build/image, apart from the machine's own images: where no registry can be reached, a Debian with its own
# Python stands in for the base, and a deployment must never build on that.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

home=$root/build/image
image=localhost/orcray
stands=orcray.stand-in # label of a base that is none
base=docker.io/library/$(awk '/^FROM/ {print $2; exit}' ray-cluster/Dockerfile)
PATH=$PATH:/usr/sbin:/sbin
podman=(env "CONTAINERS_CONF=$home/containers.conf" podman --root "$home/store" --runroot "$home/run")

main() {
  local call=${1:-}
  shift || true
  case $call in
  build) build ;;
  run) run "$@" ;;
  clean) clean ;;
  *) die "image knows build, run and clean, not ${call:-nothing}." ;;
  esac
}

build() {
  [ "$(id -u)" -eq 0 ] || impossible "containers with the rights of ECS's need root."
  mkdir -p "$home"
  exec 9>"$home/lock"
  flock 9
  have podman runc catatonit || impossible "programs are missing."
  settings
  "${podman[@]}" info >/dev/null 2>&1 || impossible "podman does not work here."
  clean
  "${podman[@]}" image exists "$base" || timeout 60 "${podman[@]}" pull --quiet "$base" 2>/dev/null || stand_in
  "${podman[@]}" run --rm --network none "$base" python -c '' || impossible "podman cannot run a container."
  say "building the image of Ray on $(kind_of_base) (a minute when its packages are new)"
  local mounts=("--volume=$home/pip.conf:/etc/pip.conf:ro") certificate
  certificate=$(sed -n 's/^cert = //p' "$home/pip.conf")
  [ -z "$certificate" ] || mounts+=("--volume=$certificate:$certificate:ro")
  "${podman[@]}" build --quiet --network host "${mounts[@]}" --tag "$image" ray-cluster || die "The image does not build; the words are above."
}

kind_of_base() {
  if [ -n "$("${podman[@]}" image inspect --format "{{index .Labels \"$stands\"}}" "$base")" ]; then
    printf "a stand-in for %s, which could not be fetched; make clean forgets it" "$base"
  else
    printf "%s" "$base"
  fi
}

# impossible ends a build that this machine is not made for.
impossible() {
  say "SKIPPED, NOT PROVEN: the image is not built: $*"
  exit 3
}

# settings writes podman's and those of this machine's pip that say where packages come from; the last one counts, the environment's.
# The crun of Debian 12 refuses mixed control groups, runc does not; a network of a container's own would change the machine's.
settings() {
  printf '%s\n' '[containers]' 'default_ulimits = ["nofile=4096:4096", "nproc=8192:8192"]' 'netns = "host"' '[engine]' 'runtime = "runc"' \
    >"$home/containers.conf"
  local all origin
  all=$(.venv/bin/python -m pip config list)
  rm -f "$home/pip.conf"
  (umask 077 && {
    say '[global]'
    for origin in global install :env:; do
      sed -nE "s/^$origin\.(cert|index-url|extra-index-url|trusted-host|proxy)='(.*)'\$/\1 = \2/p" <<<"$all"
    done | awk '{line[$1] = $0} END {for (key in line) print line[key]}'
  } >"$home/pip.conf")
}

# stand_in makes a base of Debian's packages: the same release, its own Python of the same minor version.
stand_in() {
  local release=${base##*-}
  have debootstrap || impossible "programs are missing."
  say "$base cannot be fetched: making a stand-in of Debian $release (once, under a minute)"
  debootstrap --variant=minbase --include=python3,python3-pip,ca-certificates "$release" "$home/debian" >"$home/debootstrap.log" ||
    impossible "debootstrap failed; see build/image/debootstrap.log."
  ln -s /usr/bin/python3 "$home/debian/usr/local/bin/python"
  tar --directory "$home/debian" --create . | "${podman[@]}" import --quiet --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin' \
    --change "LABEL $stands=yes" - "$base" >/dev/null || impossible "podman cannot keep an image."
  rm -rf --one-file-system "$home/debian"
}

# clean may meet a debootstrap that was killed: /proc is mounted in its folder.
clean() {
  [ ! -e "$home/containers.conf" ] || ! command -v podman >/dev/null || "${podman[@]}" rm --all --force --time 0 >/dev/null || true
  local mount
  for mount in "$home"/debian/{proc,sys}; do
    ! mountpoint --quiet "$mount" || umount --recursive "$mount"
  done
  rm -rf --one-file-system "$home/debian"
}

# run becomes a container with what the task definitions give one (infra/stacks/tasks.go).
run() {
  local options=()
  while [ "${1:-}" != -- ]; do
    [ $# -gt 0 ] || die "image run needs -- before the command."
    options+=("$1")
    shift
  done
  shift
  exec "${podman[@]}" run --rm --init --network host --cap-drop all --security-opt no-new-privileges \
    --tmpfs /ray_shm:rw,nosuid,nodev,size=512m "${options[@]}" "$image" "$@"
}

main "$@"
