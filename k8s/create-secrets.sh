#!/usr/bin/env bash
# Makes the Secrets that the manifests refer to, with fresh random values, and leaves alone those that are there. No value is printed or kept.
#
#   k8s/create-secrets.sh                          for overlays/dev: its own PostgreSQL, a self-signed certificate
#   k8s/create-secrets.sh FILE                     FILE holds the connection string of your PostgreSQL
#   k8s/create-secrets.sh FILE tls.crt tls.key     and your certificate for the gateway (cert-manager can make disttrain-gateway-tls instead)
set -euo pipefail
umask 077
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

secret() {
  local name=$1
  shift
  if kubectl -n disttrain get secret "$name" > "$made/seen" 2>&1; then echo "$name is there and stays"; return; fi
  kubectl -n disttrain create secret generic "$name" "$@"
}

random() { openssl rand -base64 32 | tr -d '\n=' | tr '+/' '-_'; }

kubectl get namespace disttrain > "$made/seen" 2>&1 || kubectl apply -f "$(dirname "$0")/base/namespace.yaml"

# Silos sign what they tell each other on the lane with the cluster's key; requests to the gateway show the token.
random > "$made/cluster-key"
random > "$made/token"
secret disttrain-cluster --from-file=cluster-key="$made/cluster-key"
secret disttrain-gateway --from-file=token="$made/token"

if [ $# -ge 1 ]; then
  tr -d '\n' < "$1" > "$made/connection-string"
  secret disttrain-database --from-file=connection-string="$made/connection-string"
else
  random > "$made/password"
  printf 'Host=disttrain-postgres;Database=disttrain;Username=disttrain;Password=%s' "$(cat "$made/password")" > "$made/connection-string"
  secret disttrain-database --from-file=connection-string="$made/connection-string" \
    --from-file=password="$made/password"
fi

if [ $# -ge 3 ]; then
  cp "$2" "$made/tls.crt"
  cp "$3" "$made/tls.key"
else
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj /CN=disttrain-gateway \
    -addext 'subjectAltName=DNS:disttrain-gateway,DNS:disttrain-gateway.disttrain,DNS:disttrain-gateway.disttrain.svc,DNS:localhost' \
    -keyout "$made/tls.key" -out "$made/tls.crt" 2> "$made/seen"
fi
secret disttrain-gateway-tls --type=kubernetes.io/tls \
  --from-file=tls.crt="$made/tls.crt" --from-file=tls.key="$made/tls.key"
