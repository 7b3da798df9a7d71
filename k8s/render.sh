#!/usr/bin/env bash
# Writes k8s/rendered: each overlay as one file, for kubectl apply -f and for the tests of machines without kubectl.
set -euo pipefail
cd "$(dirname "$0")"
for overlay in cpu gpu dev; do
  kubectl kustomize "overlays/$overlay" > "rendered/$overlay.yaml"
done
