# shellcheck shell=bash
# What the scripts of the AWS application share. Sourced, never run.
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

ops=$root/bin/orcray-ops

# environment checks ENV and sets what depends on it: env, the tag of the image, the flags of ops and of the CDK.
environment() {
  named
  local pinned=ORCRAY_ACCOUNT_${env^^}
  go build -o "$ops" ./infra/ops || die "infra/ops does not build; its words are above."
  tag=$("$ops" tag ray-cluster)
  # shellcheck disable=SC2034 # for the scripts that source this
  choices=(--env "$env" --account "${!pinned:-}" --tag "$tag" --models "${MODELS:-}")
}

# named checks ENV.
named() {
  env=${ENV:-}
  case $env in
  dev | staging | prod) ;;
  '') die "Say which environment: ENV=dev, ENV=staging or ENV=prod." ;;
  *) die "There is no environment \"$env\". Say ENV=dev, ENV=staging or ENV=prod." ;;
  esac
}

# cdk runs the pinned command line of the CDK, and installs it with its Node.js from the lock, once. ORCRAY_CDK hands more to the
# stacks: ORCRAY_CDK='-c email=me@example.com'. Who may register is said as on one machine.
cdk() {
  local sum
  sum=$(sha256sum <infra/package-lock.json)
  if [ "$(cat infra/node_modules/installed 2>/dev/null)" != "$sum" ]; then
    command -v npm >/dev/null || die "npm is not installed. Install Node.js 22 or later; it brings npm."
    say "installing the CDK (once)"
    npm --prefix infra ci --silent || die "npm could not install infra/package-lock.json; its words are above."
    printf '%s\n' "$sum" >infra/node_modules/installed
  fi
  # shellcheck disable=SC2086 # ORCRAY_CDK is words
  PATH=$root/infra/node_modules/.bin:$PATH command cdk "$1" -c "env=$env" ${tag:+-c "image=$tag"} ${MODELS:+-c "models=$MODELS"} \
    ${ORCRAY_REGISTRATION:+-c "sign-up=$ORCRAY_REGISTRATION"} ${ORCRAY_CDK:-} "${@:2}"
}

# registration says who may register in what the CDK makes, and by whose word: the last one counts, as it does for the CDK.
registration() {
  local who=closed by="nothing was said: open in dev only" word
  [ "$env" != dev ] || who=open
  [ -z "${ORCRAY_REGISTRATION:-}" ] || { who=$ORCRAY_REGISTRATION by="said by ORCRAY_REGISTRATION"; }
  for word in ${ORCRAY_CDK:-}; do
    case $word in *sign-up=*) who=${word##*sign-up=} by="said by ORCRAY_CDK" ;; esac
  done
  say "registration: $who ($by)"
}

# built makes what the stacks take along: the functions, and the page unless it is there (PAGE=new makes it again).
built() {
  scripts/functions.sh || die "The functions do not build; the words are above. Nothing was changed on AWS."
  if [ ! -e frontend/dist/index.html ] || [ "${PAGE:-}" = new ]; then
    { npm --prefix frontend ci --silent && npm --prefix frontend run --silent build; } ||
      die "The page does not build; the words are above. Nothing was changed on AWS."
  fi
}
