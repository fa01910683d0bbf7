#!/usr/bin/env bash
# Deploys an environment: ENV=dev scripts/aws/deploy.sh. Everything that can fail here fails before anything is changed there.
set -euo pipefail
# shellcheck source=scripts/aws/lib.sh
. "$(dirname "$0")/lib.sh"

engine() { # the first container engine that works
  local candidate
  for candidate in podman docker; do
    if "$candidate" info >/dev/null 2>&1; then
      printf '%s' "$candidate"
      return
    fi
  done
  return 1
}

# image_needed reports whether the image must be built and pushed; what AWS does not say is found out by the push.
image_needed() {
  local rc=0
  "$ops" has-image "${choices[@]}" 2>/dev/null || rc=$?
  [ $rc -ne 0 ]
}

push_image() {
  local with=$1 repository
  repository=$("$ops" registry "${choices[@]}")
  "$ops" registry --password "${choices[@]}" | "$with" login --username AWS --password-stdin "${repository%%/*}" >/dev/null
  "$with" tag "orcray-ray:$tag" "$repository:$tag"
  "$with" push "$repository:$tag" || die "The image could not be pushed. The stack of the data is deployed, nothing else was changed; deploy again."
}

environment
"$ops" preflight "${choices[@]}" || die "Something is missing; see above. Nothing was deployed."
with=
if image_needed; then
  with=$(engine) || die "Neither podman nor docker works here to build the image of Ray. Nothing was deployed."
  "$with" build --platform linux/arm64 -t "orcray-ray:$tag" ray-cluster || die "The image of Ray does not build; the words are above. Nothing was deployed."
fi
PAGE=new built
cdk synth --quiet || die "The stacks cannot be made; the words are above. Nothing was deployed."
registration

# step deploys stacks of those that were just made; what the CDK asks about rights is answered by APPROVE=never where nobody sits.
step() { cdk deploy --app cdk.out --require-approval "${APPROVE:-broadening}" "$@"; }

if [ -n "$with" ]; then
  step --exclusively "orcray-$env-data" || die "The stack of the data could not be deployed; nothing else was changed. make preflight ENV=$env says what is left to do."
  push_image "$with" # the stack owns the repository
fi
step "orcray-$env-*" || die "The deployment of $env stopped. CloudFormation takes a stack that failed back by itself; make preflight ENV=$env says what is left to do."
"$ops" outputs "${choices[@]}"
